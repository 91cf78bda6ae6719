"""The segmenter of a live tokenizer in a folder: what it is, and a copy of every file that its options name.

With its dictionary beside it a tokenizer cuts the same words on every machine, whatever becomes of the user's file.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zaoju.errors import ArtefactError, PluginError
from zaoju.files import hash_path, read_json_object, write_text_whole

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager, ResolvedComponent

_NAME = "segmenter.json"
_LOGGER = logging.getLogger(__name__)


def write_segmenter(segmenter: ResolvedComponent, home: Path) -> None:
    """Write what `segmenter` is into the folder `home`, with what its options name.

    Raises `ArtefactError` where that is gone by now.
    """
    identity = segmenter.identity()
    options, files = dict(segmenter.options), {}
    for option, path in segmenter.paths().items():
        copy = home / f"{option}{path.suffix}"
        _copy(path, copy, segmenter)
        options[option] = copy.name
        files[option] = {"name": copy.name, "sha256": hash_path(copy)}
    described = {**identity, "options": options, **({"files": files} if files else {})}
    write_text_whole(home / _NAME, json.dumps(described, ensure_ascii=False, indent=2) + "\n")


def read_segmenter(home: Path, plugins: PluginManager) -> ResolvedComponent:
    """The segmenter that a live tokenizer was built with, from the same package and with the same options and files.

    Another version of the package is a warning in the log. Raises `ArtefactError` where the package or a file is not
    there, or a file is not what it was.
    """
    recorded = read_json_object(home / _NAME) or {}
    if not all(isinstance(recorded.get(key), str) for key in ("name", "package", "version")):
        raise ArtefactError(f"{home / _NAME} is missing or damaged: this tokenizer needs the segmenter that it names")
    full_name = f"{recorded['package']}:{recorded['name']}"
    given = recorded.get("options")
    options = dict(given) if isinstance(given, dict) else {}
    options.update(_kept_files(home, recorded.get("files", {})))
    try:
        segmenter = plugins.resolve("segmenter", full_name, options)
    except (PluginError, ValidationError) as error:
        raise ArtefactError(
            f"{home.parent} was made with the segmenter {full_name} {recorded['version']}, options "
            f"{options}, and cannot be used without it: {error}"
        ) from error
    for option, path in segmenter.paths().items():
        if not path.exists():
            raise ArtefactError(
                f"{home.parent} cuts text with {path} (option {option!r} of its segmenter), which is not there: put it "
                "back, or train the model again, and it will take a copy along"
            )
    if segmenter.version != recorded["version"]:
        _LOGGER.warning(
            "%s was made with %s %s; %s is installed, which may cut text differently",
            home.parent,
            full_name,
            recorded["version"],
            segmenter.version,
        )
    return segmenter


def _copy(path: Path, copy: Path, segmenter: ResolvedComponent) -> None:
    """A copy under a name of its own; a tokenizer may be saved into the very folder that it was loaded from."""
    if copy.exists() and path.exists() and copy.samefile(path):
        return
    try:
        if path.is_dir():
            shutil.copytree(path, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, copy)
    except OSError as error:
        raise ArtefactError(
            f"{segmenter.label} was given {path}, which the tokenizer must take along and which cannot be copied: "
            f"{error.strerror or error}; put it back, and do this again"
        ) from error


def _kept_files(home: Path, files: object) -> dict[str, str]:
    """For each option that names a file the path of the copy, which must be what it was when the model was made."""
    paths = {}
    for option, kept in files.items() if isinstance(files, dict) else ():
        name = kept.get("name") if isinstance(kept, dict) else None
        if not isinstance(name, str) or not name or Path(name).name != name:
            raise ArtefactError(f"{home / _NAME} is damaged: it does not say which file {option!r} is; copy it again")
        path = home / name
        if not path.exists():
            raise ArtefactError(
                f"{path} is missing: the tokenizer cuts text with it (option {option!r} of its segmenter); copy the "
                "whole folder of the model again"
            )
        if hash_path(path) != kept.get("sha256"):
            raise ArtefactError(
                f"{path} was changed after the tokenizer was made, and would cut text into words that the model does "
                "not know so; copy the whole folder of the model again, or train one with the new file"
            )
        paths[str(option)] = str(path.absolute())
    return paths
