"""What goes into the hash of a stage: contents, not the places where they lie."""

from __future__ import annotations

from pathlib import Path

from zaoju.contracts import Options, Reader
from zaoju.files import hash_file
from zaoju.plugins import ResolvedComponent


def component_key(component: ResolvedComponent) -> dict[str, object]:
    """Name, package, version and options of a component; an option that names a file counts by what the file holds."""
    identity = component.identity()
    return {**identity, "options": _by_content(identity["options"])}


def reader_key(component: ResolvedComponent, reader: Reader[Options]) -> dict[str, object]:
    """A reader counts by the fingerprint of its documents, so that a moved corpus is still the same."""
    identity = component.identity()
    return {**{name: identity[name] for name in ("name", "package", "version")}, "content": reader.fingerprint()}


def _by_content(value: object) -> object:
    if isinstance(value, dict):
        return {key: _by_content(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_by_content(item) for item in value]
    if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_file():
        return {"file": hash_file(Path(value))}
    return value
