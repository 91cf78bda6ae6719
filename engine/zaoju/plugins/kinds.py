"""The kinds of components, the hook that offers each, and the version of the contract as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CONTRACT_VERSION = 1
"""What a plugin states as `ZAOJU_CONTRACT`. It grows when a plugin written for the old contracts would break."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "reader": "zaoju_readers",
        "cleaner": "zaoju_cleaners",
        "executor": "zaoju_executors",
        "segmenter": "zaoju_segmenters",
        "vocabulary": "zaoju_vocabularies",
        "initialiser": "zaoju_initialisers",
        "trainer": "zaoju_trainers",
        "tracker": "zaoju_trackers",
        "runner": "zaoju_runners",
        "transform": "zaoju_transforms",
        "selector": "zaoju_selectors",
        "strategy": "zaoju_strategies",
        "search": "zaoju_searches",
        "proposer": "zaoju_proposers",
        "constraint": "zaoju_constraints",
    }
)
"""For each kind the hook that offers its components, in the order in which a run uses them."""
