"""The kit for cleaners."""

from __future__ import annotations

from zaoju.contracts import Cleaned, Cleaner, Dropped, Options
from zaoju.testing.component import ComponentContract
from zaoju.testing.hostile_text import HOSTILE_TEXTS
from zaoju.testing.random_text import for_random_texts
from zaoju.testing.requirements import pytest


class CleanerContract(ComponentContract):
    """Checks a `zaoju.Cleaner`: what is clean stays as it is, and every document that is dropped has a reason.

    ```python
    class TestMyRule(CleanerContract):
        component = "my_rule"
    ```
    """

    kind = "cleaner"

    @pytest.fixture(scope="class")
    @classmethod
    def cleaner(cls) -> Cleaner[Options]:
        """The cleaner that is checked."""
        return cls.build(Cleaner)

    @pytest.mark.parametrize("name", HOSTILE_TEXTS)
    def test_it_gives_text_or_a_reason(self, cleaner: Cleaner[Options], name: str) -> None:
        """The account sums over reasons, so a reason is a short name, not a sentence with the text in it."""
        cleaned = cleaner.clean(HOSTILE_TEXTS[name])
        assert isinstance(cleaned, str | Cleaned | Dropped), (
            f"clean() gave {cleaned!r}; it must give a text, zaoju.Cleaned or zaoju.Dropped"
        )
        if isinstance(cleaned, Dropped):
            assert cleaned.reason.isidentifier(), f"{cleaned.reason!r} is no short rule name such as 'too_short'"
        else:
            _text_of(cleaned).encode("utf-8")
        if isinstance(cleaned, Cleaned):
            assert all(map(str.isidentifier, cleaned.changes)), f"{[*cleaned.changes]} are no short rule names"

    @pytest.mark.parametrize("name", HOSTILE_TEXTS)
    def test_cleaning_again_changes_nothing(self, cleaner: Cleaner[Options], name: str) -> None:
        """Cleaning is idempotent: a cleaned document is neither changed nor dropped by the same cleaner."""
        _check_idempotent(cleaner, HOSTILE_TEXTS[name])

    def test_cleaning_random_text_again_changes_nothing(self, cleaner: Cleaner[Options]) -> None:
        """As above, for texts that nobody thought of."""
        for_random_texts(lambda text: _check_idempotent(cleaner, text), examples=300)

    def test_the_same_text_is_cleaned_the_same(self, cleaner: Cleaner[Options]) -> None:
        """Whatever was cleaned before: a cleaner has no memory and throws no dice."""
        texts = list(HOSTILE_TEXTS.values())
        forwards = [cleaner.clean(text) for text in texts]
        backwards = [cleaner.clean(text) for text in reversed(texts)][::-1]
        assert forwards == backwards, "clean() gave another result for the same text the second time"


def _check_idempotent(cleaner: Cleaner[Options], text: str) -> None:
    once = cleaner.clean(text)
    if not isinstance(once, Dropped):
        twice = cleaner.clean(_text_of(once))
        assert not isinstance(twice, Dropped) and _text_of(twice) == _text_of(once), (
            f"cleaning {_text_of(once)!r}, which was already clean, gave {twice!r}"
        )


def _text_of(cleaned: str | Cleaned) -> str:
    return cleaned.text if isinstance(cleaned, Cleaned) else cleaned
