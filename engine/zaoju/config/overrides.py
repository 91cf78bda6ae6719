"""`--set a.b=c`: changes single values of a config before it is validated.

The schema leads the way, so that a key which the file does not have starts from its default, and a choice that is
written as a bare name can still be given an option.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType, UnionType
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from zaoju.config.faults import Fault, FaultsError
from zaoju.config.schema import Choice, Config, Decoding
from zaoju.config.source import KeyPath, Plain, Source, parse_yaml
from zaoju.config.wording import unknown_key, written
from zaoju.errors import ConfigError

_COMMON_DECODING = frozenset({"max_new_tokens", "stop", "seed"})
"""The keys of `decoding` that every strategy has; all others belong to the strategy that is named."""


def apply_overrides(source: Source, overrides: Sequence[str]) -> Source:
    """`source` with each `key.path=value` put in, in order. Raises `ConfigError` that quotes the override."""
    for override in overrides:
        source = _apply(source, override)
    return source


def change_decoding(settings: dict[str, Plain], key: str, value: Plain) -> dict[str, Plain]:
    """Decoding settings with one key changed: another strategy or chain drops the options of the old one."""
    if key in ("strategy", "chain") and settings.get(key) != value:
        settings = {name: old for name, old in settings.items() if name in _COMMON_DECODING}
    return {**settings, key: value}


def _apply(source: Source, override: str) -> Source:
    keys, equals, text = override.partition("=")
    if not equals or not all(keys.split(".")):
        raise ConfigError(f"--set {override}: write it as key.path=value, such as --set decoding.top_k=40")
    value, _ = parse_yaml(text, f"--set {keys}")
    setter = _Setter(keys.split("."), value)
    try:
        values = setter.put(Config, source.values, 0)
    except FaultsError as error:
        fault = error.faults[0]
        raise ConfigError(f"{keys}: {fault.message} (--set {override})") from None
    assert isinstance(values, dict)
    path = tuple(setter.path)
    changed = path[:-1] if setter.renames else path
    places = {key: place for key, place in source.places.items() if key[: len(changed)] != changed}
    made = [path[:length] for length in range(1, len(path)) if not _is_there(source.values, path[:length])]
    places |= dict.fromkeys([*made, changed, path], f"--set {override}")
    return Source(values, places)


def _is_there(values: Plain, path: KeyPath) -> bool:
    for part in path:
        if isinstance(values, dict) and part in values:
            values = values[str(part)]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            return False
    return True


class _Setter:
    """Puts one value into a tree of plain values; nothing of the old tree is changed."""

    def __init__(self, keys: Sequence[str], value: Plain) -> None:
        self._keys = keys
        self._value = value
        self.path: list[str | int] = []
        """The key path as it is in the tree, with positions as numbers."""
        self.renames = False
        """Whether the value is the name of a choice, so that the whole choice is new."""

    def put(self, shape: object, current: Plain, depth: int) -> Plain:
        """`current`, which the schema calls `shape`, with the value put in below it."""
        if depth == len(self._keys):
            return self._replace(shape, current)
        key = self._keys[depth]
        model = _model(shape)
        if model is Choice:
            return self._put_in_choice(current, depth)
        if isinstance(current, list):
            position = self._position(current, depth)
            return [*current[:position], self._below(_item(shape), current[position], depth), *current[position + 1 :]]
        if current is None:
            current = {}
        if not isinstance(current, dict):
            raise _fault(self.path, f"{'.'.join(self._keys[:depth])} is {written(current)}, which has no keys below it")
        self.path.append(key)
        if model is not None and key in model.model_fields:
            field = model.model_fields[key]
            is_section = _model(field.annotation) not in (None, Choice)
            start = current.get(key, None if is_section else _default(model, key))
            child = self.put(field.annotation, start, depth + 1)
        elif model is None or model is Decoding:
            child = self.put(None, current.get(key), depth + 1)
        else:
            raise _fault(self.path, unknown_key(key, model.model_fields))
        return change_decoding(current, key, child) if model is Decoding else {**current, key: child}

    def _below(self, shape: object, current: Plain, depth: int) -> Plain:
        self.path.append(int(self._keys[depth]))
        return self.put(shape, current, depth + 1)

    def _replace(self, shape: object, current: Plain) -> Plain:
        """The new value; a choice that keeps its name keeps its options."""
        if _model(shape) is Choice and self._value == _name(current):
            return current
        return self._value

    def _put_in_choice(self, current: Plain, depth: int) -> Plain:
        name = _name(current)
        key = self._keys[depth]
        self.path.append(key)
        if key == "name" and depth + 1 == len(self._keys):
            if self._value == name:
                return current
            self.renames = True
            return {"name": self._value}
        options = current if isinstance(current, dict) else {"name": name}
        return {**options, key: self.put(None, options.get(key), depth + 1)}

    def _position(self, items: Sequence[Plain], depth: int) -> int:
        key = self._keys[depth]
        if key.isascii() and key.isdigit() and int(key) < len(items):
            return int(key)
        where = ".".join(self._keys[:depth])
        positions = f"0 to {len(items) - 1}" if len(items) > 1 else "0"
        there = f"its entries are {positions}" if items else "it has no entries"
        raise _fault(self.path, f"{where} is a list and {there}, got {key!r}; to add one, set the whole list")


def _name(choice: Plain) -> Plain:
    return choice.get("name") if isinstance(choice, dict) else choice


def _model(shape: object) -> type[BaseModel] | None:
    """The model of a section or a choice, also of one that may be empty."""
    given = [one for one in get_args(shape) if one is not NoneType] if get_origin(shape) is UnionType else [shape]
    [only, *others] = given
    return only if not others and isinstance(only, type) and issubclass(only, BaseModel) else None


def _item(shape: object) -> object:
    """What the entries of a list are, where the schema says it."""
    return get_args(shape)[0] if get_origin(shape) is tuple else None


def _default(model: type[BaseModel], key: str) -> Plain:
    default: Plain = to_jsonable_python(model.model_fields[key].get_default(call_default_factory=True))
    return default


def _fault(path: Sequence[str | int], message: str) -> FaultsError:
    return FaultsError([Fault(tuple(path), message)])
