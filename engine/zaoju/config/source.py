"""Reads a config as plain values, and remembers on which line each key stands.

YAML stays plain: the scalars of YAML 1.2 (`1e-4` is a number, `no` is text), no anchors, no aliases, no tags, no
duplicate keys. What JSON could say in the same words is what a config may hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from zaoju.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""The way to a value: `("corpus", "readers", 0, "paths")`."""

Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None
"""What a config may hold."""

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
_LARGEST_WHOLE = 2**63

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9][0-9_]*")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """A config as it was written, before it is validated."""

    values: dict[str, Plain] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    """Where a key path was written, for a person: `config.yaml line 14`."""


def key_text(path: KeyPath) -> str:
    """A key path as the user writes it: `corpus.readers.0.paths`."""
    return ".".join(str(part) if str(part).isprintable() and part != "" else repr(part) for part in path)


def read_file(path: Path) -> Source:
    """The values of a YAML file and the line of each. Raises `ConfigError` that names the file and the line."""
    values, lines = parse_yaml(_decode(_read_bytes(path), path), str(path))
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} line 1: a config is a mapping of `key: value` lines, this is {_kind(values)}")
    places: dict[KeyPath, str] = {key: f"{path} line {line}" for key, line in lines.items()}
    places[()] = str(path)
    return Source(values, places)


def read_mapping(data: Mapping[str, object]) -> Source:
    """The values of a mapping that a program made. Raises `ConfigError` for what a YAML file could not say."""
    values = _plain(data, ())
    assert isinstance(values, dict)
    return Source(values)


def parse_yaml(text: str, name: str) -> tuple[Plain, dict[KeyPath, int]]:
    """The value of a YAML text, and the line of each key path in it. `name` is what errors call the text."""
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        return (None if node is None else _value(node, (), lines)), lines
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise ConfigError(f"{name} line {line}: the character U+{code:04X} is not allowed in YAML; remove it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        kind = "" if isinstance(error, _RefusedError) else "not valid YAML: "
        raise ConfigError(f"{name} line {line}: {kind}{error.problem}{_hint(error)}") from None


def scalar(text: str) -> Plain:
    """What an unquoted YAML scalar means: nothing, a switch, a number or text.

    Raises ValueError for a whole number too long to read.
    """
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes and refuses what makes YAML more than plain, while it reads, so that no bomb is ever unfolded."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it bare
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("anchors and aliases (& and *) are not supported; write the value out", event.start_mark)
        if getattr(event, "tag", None):
            raise _refused(f"tags such as {event.tag} are not supported; write a plain value", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused(f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> Plain:
    """The plain value of a node; fills in `lines` on the way."""
    if isinstance(node, yaml.ScalarNode):
        return _scalar_value(node)
    if isinstance(node, yaml.SequenceNode):
        items: list[Plain] = []
        for position, child in enumerate(node.value):
            lines[(*path, position)] = child.start_mark.line + 1
            items.append(_value(child, (*path, position), lines))
        return items
    assert isinstance(node, yaml.MappingNode)
    mapping: dict[str, Plain] = {}
    for key_node, child in node.value:
        key = _scalar_value(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            raise _refused("a key must be text; put it in quotes", key_node.start_mark)
        if key in mapping:
            first = lines[(*path, key)]
            raise _refused(f"the key {key_text((*path, key))!r} is already on line {first}", key_node.start_mark)
        lines[(*path, key)] = key_node.start_mark.line + 1
        mapping[key] = _value(child, (*path, key), lines)
    return mapping


def _scalar_value(node: yaml.ScalarNode) -> Plain:
    try:
        value = node.value if node.style else scalar(node.value)
    except ValueError:
        raise _refused("the number is too large", node.start_mark) from None
    fault = _fault_of_scalar(value)
    if fault:
        raise _refused(fault, node.start_mark)
    return value


def _fault_of_scalar(value: Plain) -> str:
    """What makes a value unusable everywhere, or nothing."""
    if isinstance(value, str):
        if "\0" in value:
            return "the text holds a NUL character; remove it"
        if any("\ud800" <= character <= "\udfff" for character in value):
            return "the text holds half a character (a lone surrogate); remove it"
    elif isinstance(value, float):
        if not math.isfinite(value):
            return "a number must be finite"
    elif isinstance(value, int) and abs(value) >= _LARGEST_WHOLE:
        return "the number is too large"
    return ""


def _plain(value: object, path: KeyPath) -> Plain:
    """A program's value as YAML would have given it."""
    where = key_text(path) or "the config"
    if len(path) > MAX_DEPTH:
        raise ConfigError(f"{where}: nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Path):
        value = str(value)
    if value is None or isinstance(value, bool | int | float | str):
        fault = _fault_of_scalar(value)
        if fault:
            raise ConfigError(f"{where}: {fault}")
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(child, (*path, _key(key, where))) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(child, (*path, position)) for position, child in enumerate(value)]
    raise ConfigError(
        f"{where}: a config holds text, numbers, switches, lists and mappings, not {type(value).__name__}"
    )


def _key(key: object, where: str) -> str:
    if not isinstance(key, str) or _fault_of_scalar(key):
        raise ConfigError(f"{where}: a key must be text, got {key!r}")
    return key


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; `zaoju init DIR` makes a project with a config, `--config FILE` names another file"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes, so it is not a config")
    return content


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        guess = _guess_encoding(content)
        raise ConfigError(
            f"{path} line {line}: byte {error.start} (0x{content[error.start]:02x}) is not UTF-8"
            f"{guess and f'; the file looks like {guess}'}; save it as UTF-8"
        ) from None


def _guess_encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "GB18030 (GBK)"


class _RefusedError(yaml.MarkedYAMLError):
    """Valid YAML that a config does not allow."""


def _refused(message: str, mark: yaml.Mark) -> _RefusedError:
    return _RefusedError(problem=message, problem_mark=mark)


def _hint(error: yaml.MarkedYAMLError) -> str:
    if error.problem and "'\\t'" in error.problem:
        return "; indent with blanks, not with tabs"
    return ""


def _kind(value: Plain) -> str:
    return "a list" if isinstance(value, list) else "a single value"
