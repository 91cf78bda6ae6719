"""What a cleaner says that it did stands in the account."""

from __future__ import annotations

from pathlib import Path

from corpus_run import ListReader, run

from zaoju import Cleaned, Cleaner, Options
from zaoju.corpus import Account


class Masks(Cleaner[Options]):
    def clean(self, text: str) -> Cleaned:
        return Cleaned(text.replace("1", "*"), {"one": text.count("1")})


def test_changes_of_kept_documents_are_counted(tmp_path: Path) -> None:
    texts = ["一1二1", "三", "四1", "一*二1"]  # the last is the first again, once it is cleaned
    account = run([ListReader(texts)], tmp_path, cleaners=[("masks", Masks(Options()))])
    assert account.changes == {"masks: one": 3}
    assert account.duplicates.documents == 1
    assert account.balanced
    assert "  changed by masks: one" in "\n".join(account.lines())
    assert "3 times" in "\n".join(account.lines())
    assert Account.from_json(account.to_json()) == account
