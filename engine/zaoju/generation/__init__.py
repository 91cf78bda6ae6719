"""Generation: runners, the decode loop, streams and the engine.

Each name below is imported when it is first used: the runner over transformers is not paid for where it is not needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaoju.generation.artefact import runner_over
    from zaoju.generation.engine import Engine
    from zaoju.generation.lean_runner import LeanRunner
    from zaoju.generation.results import Chunk, Generation, Request
    from zaoju.generation.transformers_runner import TransformersRunner
    from zaoju.generation.uniforms import sample_seeds

_HOME_OF = {
    "Chunk": "results",
    "Engine": "engine",
    "Generation": "results",
    "LeanRunner": "lean_runner",
    "Request": "results",
    "TransformersRunner": "transformers_runner",
    "runner_over": "artefact",
    "sample_seeds": "uniforms",
}

__all__ = [
    "Chunk",
    "Engine",
    "Generation",
    "LeanRunner",
    "Request",
    "TransformersRunner",
    "runner_over",
    "sample_seeds",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'zaoju.generation' has no attribute {name!r}")
    return getattr(import_module(f"zaoju.generation.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
