"""The base of every option model."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """The options of one component, written under its name in `config.yaml`.

    Subclass it in a module that imports nothing heavier than pydantic, give each field a type, a default and a
    `Field(description=...)`: validation, `--set`, `zaoju plugins show` and the JSON Schema all come from it.
    Unknown keys are refused, and an instance never changes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


OptionsT_co = TypeVar("OptionsT_co", bound=Options, covariant=True)
"""The option model of a component: a `Reader[TextOptions]` is a `Reader[Options]`."""
