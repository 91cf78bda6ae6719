"""A list of a folder's files with their hashes, by which a damaged folder is told from a good one."""

from __future__ import annotations

import json
from pathlib import Path

from zaoju.files import hash_file

NAME = "manifest.json"
_FORMAT = 1


def write_manifest(folder: Path) -> None:
    """Write the manifest of all files in `folder`. Call it last."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted(folder.iterdir())
        if path.name != NAME
    }
    (folder / NAME).write_text(_text({"format": _FORMAT, "files": files}), encoding="utf-8")


def find_damage(folder: Path) -> str:
    """What is wrong with a folder that has a manifest, for a person; an empty string where all is well."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
        manifest = json.loads(text)
        files = {str(name): (entry["bytes"], entry["sha256"]) for name, entry in manifest["files"].items()}
        version = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"its {NAME} cannot be read: {error!r}"
    if version != _FORMAT:
        return f"its {NAME} has format {version}, and this zaoju reads {_FORMAT}"
    if text != _text(manifest):
        return f"its {NAME} is not what was written"
    for name, expected in files.items():
        try:
            found = (folder / name).stat().st_size, hash_file(folder / name)
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if found != expected:
            return f"{name} is not what was written"
    return ""


def _text(manifest: object) -> str:
    """The one form of a manifest, so that no byte of it can change unseen."""
    return json.dumps(manifest, indent=2) + "\n"
