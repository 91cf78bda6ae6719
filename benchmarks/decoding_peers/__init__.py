"""The ways that `decoding.py` measures: zaoju's own, and its peers, one file each."""

from __future__ import annotations

from decoding_peers import ctranslate2_ways, llamacpp_ways, transformers_ways, zaoju_ways
from decoding_peers.transformers_ways import BASE
from decoding_peers.way import MODES, Mode, Session, Way, Write


def all_ways(device: str) -> list[Way]:
    """Every way that there is on `device`, the one that the others are compared with first."""
    homes = (transformers_ways, zaoju_ways, ctranslate2_ways, llamacpp_ways)
    return [way for home in homes for way in home.ways(device)]


__all__ = ["BASE", "MODES", "Mode", "Session", "Way", "Write", "all_ways"]
