"""How long a token is."""

from __future__ import annotations

import json
from pathlib import Path

from zaoju.corpus import Account, read_documents
from zaoju.tokenization import PackedTokens


def read_account(prepared: Path) -> Account:
    """The account of a prepared corpus."""
    return Account.from_json(json.loads((prepared / "account.json").read_text("utf-8")))


def characters_per_token(prepared: Path, encoded: Path) -> float:
    """Of the training corpus, the token that ends a document included; of conversations the answers count."""
    characters, tokens = learned(prepared, encoded)
    return characters / max(tokens, 1)


def learned(prepared: Path, encoded: Path) -> tuple[int, int]:
    """Characters and tokens that a model learns in one time over the training corpus."""
    packed = PackedTokens.open(encoded / "train")
    if packed.counts is None:
        return read_account(prepared).train.characters, len(packed.tokens)
    texts = (
        [turn.text for turn in document.turns if turn.role == "assistant"] if document.turns else [document.text]
        for document in read_documents(prepared / "train.jsonl")
    )
    return sum(len(text) for some in texts for text in some), int(packed.counts.sum())
