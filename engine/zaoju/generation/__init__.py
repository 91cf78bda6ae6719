"""Generation: runners, the decode loop, streams and the engine.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.generation.artefact import open_model, runner_over
    from zaoju.generation.description import ARTEFACT_FORMAT, DESCRIPTION, read_description
    from zaoju.generation.engine import Engine
    from zaoju.generation.fixed_shapes import FixedShapes
    from zaoju.generation.lean_options import LeanRunnerOptions
    from zaoju.generation.lean_runner import LeanRunner
    from zaoju.generation.results import Chunk, Generation, Request, WholeText
    from zaoju.generation.shared_prefixes import SharedPrefixes
    from zaoju.generation.token_reports import Alternative, TokenReport
    from zaoju.generation.transformers_runner import TransformersRunner
    from zaoju.generation.uniforms import sample_seeds

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.generation.artefact": ("open_model", "runner_over"),
        "zaoju.generation.description": ("ARTEFACT_FORMAT", "DESCRIPTION", "read_description"),
        "zaoju.generation.engine": ("Engine",),
        "zaoju.generation.fixed_shapes": ("FixedShapes",),
        "zaoju.generation.lean_options": ("LeanRunnerOptions",),
        "zaoju.generation.lean_runner": ("LeanRunner",),
        "zaoju.generation.results": ("Chunk", "Generation", "Request", "WholeText"),
        "zaoju.generation.shared_prefixes": ("SharedPrefixes",),
        "zaoju.generation.token_reports": ("Alternative", "TokenReport"),
        "zaoju.generation.transformers_runner": ("TransformersRunner",),
        "zaoju.generation.uniforms": ("sample_seeds",),
    },
)

__all__ = [
    "ARTEFACT_FORMAT",
    "DESCRIPTION",
    "Alternative",
    "Chunk",
    "Engine",
    "FixedShapes",
    "Generation",
    "LeanRunner",
    "LeanRunnerOptions",
    "Request",
    "SharedPrefixes",
    "TokenReport",
    "TransformersRunner",
    "WholeText",
    "open_model",
    "read_description",
    "runner_over",
    "sample_seeds",
]
