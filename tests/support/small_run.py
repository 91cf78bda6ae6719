"""A run that takes seconds: few stories, a very small model, a handful of steps."""

from __future__ import annotations

import copy
from pathlib import Path


def small_config(run: Path, **changes: object) -> dict[str, object]:
    """A config as a mapping. `changes` are keys with `__` for the dots: `tokenization__segmenter="none"`."""
    config: dict[str, object] = {
        "run": str(run),
        "seed": 3,
        "device": "cpu",
        "corpus": {"readers": [{"name": "stories", "documents": 200}], "held_out": 0.05},
        "tokenization": {"segmenter": "characters", "vocabulary": {"name": "characters"}, "workers": 1},
        "model": {"size": "nano", "context": 48},
        "trainer": {"name": "lean", "steps": 12, "batch_size": 4, "evaluate_every": 6},
        "evaluation": {"prompts": ["我想"], "max_new_tokens": 12, "samples": 3},
        "decoding": {"strategy": "nucleus", "top_p": 0.9},
    }
    config = copy.deepcopy(config)
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = config
        for section in sections:
            inner = place[section]
            assert isinstance(inner, dict)
            place = inner
        place[key] = value
    return config
