"""Which values of a transform's options are worth trying: the neutral one, the default, and the extremes."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from zaoju.contracts import Options

_WHOLE = (0, 1, -1, 2, 3, 50, 1000, 2**31)
_BROKEN = (1e-9, 1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-9, 1.3, 7.5, 1e4, 1e6, -2.5, -1e6)


def settings_to_try(model: type[Options], neutral: Mapping[str, float]) -> list[dict[str, float]]:
    """Settings that the model accepts: all neutral, and each option at each value with the others at their defaults."""
    defaults = {name: number(value) for name, value in model().model_dump().items()}
    tried = [{name: neutral[name] for name in defaults}, defaults]
    for name in defaults:
        accepted = {value for candidate in (*_WHOLE, *_BROKEN) for value in _accepted(model, name, candidate)}
        tried += [{**defaults, name: value} for value in sorted(accepted)]
    return tried


def number(value: object) -> float:
    """The value of an option, which must be a number or a switch: columns of a tensor hold nothing else."""
    assert isinstance(value, bool | int | float), f"{value!r} is no number; an option of a transform must be one"
    return value


def _accepted(model: type[Options], name: str, candidate: float) -> list[float]:
    try:
        return [number(getattr(model.model_validate({name: candidate}), name))]
    except ValidationError:
        return []
