"""What goes into the hash of a stage: contents, not the places where they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zaoju.config import Model
from zaoju.contracts import Options, Reader
from zaoju.files import by_content, hash_file
from zaoju.plugins import ResolvedComponent


def component_key(component: ResolvedComponent) -> dict[str, object]:
    """Name, package, version and options of a component; an option that names a file counts by what the file holds,
    one that is declared as a path and names a folder, by all files in it."""
    options = by_content(component.options, component.paths())
    return {**component.identity(), "options": _with_paths(options, _content)}


def reader_key(component: ResolvedComponent, reader: Reader[Options]) -> dict[str, object]:
    """A reader counts by its options and the fingerprint of its documents, so a moved corpus is still the same."""
    identity = component.identity()
    options = _with_paths(identity["options"], lambda path: path.name)
    return {**identity, "options": options, "content": reader.fingerprint()}


def model_key(model: Model) -> dict[str, object]:
    """The model section; a folder to train on from counts by its configuration and its weights."""
    key = model.model_dump(mode="json")
    if model.init_from is not None:
        kept = sorted(path for path in model.init_from.iterdir() if path.suffix in {".json", ".safetensors", ".bin"})
        # zaoju.json says where and when a model was made, which does not change the model.
        key["init_from"] = {path.name: hash_file(path) for path in kept if path.name != "zaoju.json"}
    return key


def _with_paths(value: object, shown: Callable[[Path], object]) -> object:
    """The same value with every absolute path in it replaced by what counts of it."""
    if isinstance(value, dict):
        return {key: _with_paths(item, shown) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_paths(item, shown) for item in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return shown(Path(value))
    return value


def _content(path: Path) -> object:
    return {"file": hash_file(path)} if path.is_file() else str(path)
