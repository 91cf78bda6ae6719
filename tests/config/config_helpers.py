"""Types that the tests of the config share."""

from __future__ import annotations

from typing import Protocol

from zaoju.config import LoadedConfig


class Write(Protocol):
    """Loads a config from the text of its file."""

    def __call__(self, text: str | bytes, *overrides: str) -> LoadedConfig: ...
