"""The peers of `decoding.py`: from a model folder and a prompt's tokens, a function that writes greedy texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from decoding_peers import others, theirs
from decoding_peers.missing import NotInstalled

PEERS: dict[str, Callable[[Path, list[int]], Callable[[int, int], int]]] = {**theirs.WAYS, **others.WAYS}

__all__ = ["PEERS", "NotInstalled", "theirs"]
