"""Which values of a transform's options are worth trying: the neutral one, the default, and the extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from zaoju.contracts import Options
from zaoju.plugins import JSON
from zaoju.testing.decoding_rows import is_number

Setting = dict[str, JSON]
"""A value for each option, as JSON has it."""

_WHOLE = (0, 1, -1, 2, 3, 50, 1000, 2**31)
_BROKEN = (1e-9, 1e-6, 0.01, 0.25, 0.5, 0.9, 1 - 1e-9, 1.3, 7.5, 100.0, 1e6, -2.5, -1e6)
_ACTIVE = (0.5, 2, 1.3, 3, 1)


def settings_to_try(
    model: type[Options], neutral: Mapping[str, object], examples: Sequence[Mapping[str, object]]
) -> list[Setting]:
    """Settings that the model accepts: the defaults, the author's examples, and each number at each value.

    While one number is varied, no other option has its neutral value, so that each is seen at work.
    """
    defaults = complete(model, {})
    active = _active(model, defaults, neutral)
    tried = [defaults, active, *(complete(model, example) for example in examples)]
    numbers = [name for name, value in defaults.items() if is_number(value)]
    tried += [
        setting
        for name in numbers
        for value in (*_WHOLE, *_BROKEN)
        if (setting := _accepted(model, {**active, name: value})) is not None
    ]
    return [setting for at, setting in enumerate(tried) if setting not in tried[:at]]


def complete(model: type[Options], values: Mapping[str, object]) -> Setting:
    """Every option as the engine has it, after a user wrote `values`. Raises `ValidationError`."""
    written: Setting = model.model_validate(dict(values)).model_dump(mode="json", by_alias=True)
    return written


def _active(model: type[Options], defaults: Setting, neutral: Mapping[str, object]) -> Setting:
    """The defaults, but numbers whose default is neutral are at work."""
    active = defaults
    for name, value in neutral.items():
        if not is_number(value) or defaults.get(name) != value:
            continue
        for candidate in _ACTIVE:
            setting = _accepted(model, {**active, name: candidate})
            if setting is not None and setting[name] != value:
                active = setting
                break
    return active


def _accepted(model: type[Options], values: Mapping[str, object]) -> Setting | None:
    try:
        return complete(model, values)
    except ValidationError:
        return None
