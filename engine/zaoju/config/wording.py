"""Turns pydantic's validation errors into sentences for the person who wrote the config."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from zaoju.config.faults import Fault
from zaoju.config.source import KeyPath
from zaoju.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LONGEST_VALUE = 60

_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_SWITCH = "must be true or false"
_TEXT = "must be text"
_LIST = "must be a list"
_MAPPING = "must be a mapping of `key: value` lines"
_TYPES = {
    "bool_parsing": _SWITCH,
    "bool_type": _SWITCH,
    "dict_type": _MAPPING,
    "finite_number": "must be a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "frozen_set_type": _LIST,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "list_type": _LIST,
    "mapping_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "none_required": "must be empty",
    "path_type": "must be a path, written as text",
    "set_type": _LIST,
    "string_type": _TEXT,
    "tuple_type": _LIST,
}


def faults_of(error: ValidationError, model: type[BaseModel], given: Mapping[str, object]) -> list[Fault]:
    """One fault for each key that `error` complains about; `given` is what `model` was asked to read."""
    rules: dict[KeyPath, list[str]] = {}
    values: dict[KeyPath, object] = {}
    for detail in error.errors(include_url=False):
        path = _real_path(detail["loc"], given, missing=detail["type"] == "missing")
        rule = _rule(detail, model, path)
        if rule not in rules.setdefault(path, []):
            rules[path].append(rule)
        if _tells_value(detail):
            values[path] = _at(given, path)
    return [Fault(path, _sentence(path, told, values)) for path, told in rules.items()]


def written(value: object) -> str:
    """A value as the user wrote it, short enough for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def unknown_key(key: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """The message for a key that nobody reads; keys from `elsewhere` may be meant too, and are not listed."""
    names = sorted(known)
    suggestion = did_you_mean(key, [*names, *elsewhere])
    listed = f"Known: {', '.join(names)}" if names else "No keys are known here"
    return f"unknown key {key!r}{suggestion or '.'} {listed}"


def _sentence(path: KeyPath, rules: list[str], values: Mapping[KeyPath, object]) -> str:
    sentence = " or ".join([rules[0], *(rule.removeprefix("must be ") for rule in rules[1:])])
    if path not in values:
        return sentence
    value = values[path]
    sentence = f"{sentence}, got {written(value)}"
    if _LIST in rules and isinstance(value, str) and value.isprintable():
        return f"{sentence}; write [{value}]"
    if _TEXT in rules and isinstance(value, bool | int | float):
        return f"{sentence}; put it in quotes"
    if value is None:
        return f"{sentence}; leave the key out to use the default"
    return sentence


def _rule(detail: ErrorDetails, model: type[BaseModel], path: KeyPath) -> str:
    """What the value must be, or what is wrong with the key."""
    kind = detail["type"]
    if kind in _TYPES:
        return _TYPES[kind]
    context = detail.get("ctx", {})
    worded = _WORDED.get(kind)
    if worded is not None:
        return worded(context)
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), _keys_at(model, path[:-1]))
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    return detail["msg"].replace("Input should", "must")


def _count(count: object, what: str) -> str:
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else many}"


def _bound(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _choices(context: Mapping[str, object]) -> str:
    return "must be " + str(context["expected"]).replace("'", "")


_WORDED: Mapping[str, Callable[[Mapping[str, object]], str]] = {
    "enum": _choices,
    "greater_than": lambda context: f"must be > {_bound(context['gt'])}",
    "greater_than_equal": lambda context: f"must be >= {_bound(context['ge'])}",
    "less_than": lambda context: f"must be < {_bound(context['lt'])}",
    "less_than_equal": lambda context: f"must be <= {_bound(context['le'])}",
    "literal_error": _choices,
    "multiple_of": lambda context: f"must be a multiple of {_bound(context['multiple_of'])}",
    "string_pattern_mismatch": lambda context: f"must match the pattern {context['pattern']}",
    "string_too_long": lambda context: f"must have at most {_count(context['max_length'], 'character')}",
    "string_too_short": lambda context: f"must have at least {_count(context['min_length'], 'character')}",
    "too_long": lambda context: f"must have at most {_count(context['max_length'], 'entry')}",
    "too_short": lambda context: f"must have at least {_count(context['min_length'], 'entry')}",
}


def _tells_value(detail: ErrorDetails) -> bool:
    """Whether a message about the value should also say what the value is."""
    says_it_already = ("missing", "extra_forbidden", "value_error", "assertion_error")
    return detail["type"] not in says_it_already


def _real_path(location: KeyPath, given: object, *, missing: bool) -> KeyPath:
    """`location` without what pydantic appends for the branches of a union, which are no keys of the config."""
    path: list[str | int] = []
    for part in location[:-1] if missing else location:
        children = _children(given)
        if part in children:
            given = children[part]
            path.append(part)
    return (*path, location[-1]) if missing else tuple(path)


def _at(given: object, path: KeyPath) -> object:
    for part in path:
        given = _children(given)[part]
    return given


def _children(given: object) -> Mapping[str | int, object]:
    """What stands below a value, by key or by position."""
    if isinstance(given, Mapping):
        return given
    return dict(enumerate(given)) if isinstance(given, list | tuple) else {}


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the model at `path` below `model` knows."""
    for part in path:
        if isinstance(part, int):
            continue
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        inner = None if field is None else _model_in(field.annotation)
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
