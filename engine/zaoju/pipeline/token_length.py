"""How long a token is."""

from __future__ import annotations

import json
from pathlib import Path

from zaoju.corpus import Account
from zaoju.tokenization import PackedTokens


def read_account(prepared: Path) -> Account:
    """The account of a prepared corpus."""
    return Account.from_json(json.loads((prepared / "account.json").read_text("utf-8")))


def characters_per_token(prepared: Path, encoded: Path) -> float:
    """Of the training corpus, the token that ends a document included."""
    return read_account(prepared).train.characters / max(len(PackedTokens.open(encoded / "train").tokens), 1)
