"""What the tests of the cleaners share."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from zaoju import Cleaned, Cleaner, Dropped
from zaoju.plugins import PluginManager


def cleaner(name: str, **options: object) -> Cleaner[Any]:
    """The builtin cleaner of this name, built as the engine builds it."""
    return PluginManager.discover().resolve("cleaner", name, options).build(Cleaner)


def cleaned(found: str | Cleaned | Dropped) -> str:
    """The text that a cleaner gave; it must not have dropped it."""
    assert not isinstance(found, Dropped), found
    return found.text if isinstance(found, Cleaned) else found


def changes(found: str | Cleaned | Dropped) -> dict[str, int]:
    """What a cleaner says that it did."""
    assert not isinstance(found, Dropped), found
    return dict(found.changes) if isinstance(found, Cleaned) else {}


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(
        "\r\n\t \u3000\u00a0\ue000\ufe00\U000e0100我想的是Ａ１⼀⻅豈e\u0301\u0308锟斤拷\ufffdÃ¨Â±13800@.。，《》「」"
    ),
    max_size=60,
)
