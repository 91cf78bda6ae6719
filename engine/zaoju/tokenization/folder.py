"""Tokenizers in folders.

A portable tokenizer is `tokenizer.json` and `tokenizer_config.json`, as transformers knows them. A live one, which
needs its segmenter, lies under `live/`, and its `tokenizer_config.json` names a class that transformers does not have:
without that, transformers would load the folder as an empty GPT-2 tokenizer, and say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer as Backend

from zaoju.errors import ArtefactError
from zaoju.files import read_json_object, write_text_whole
from zaoju.tokenization.foreign import read_backend, read_foreign
from zaoju.tokenization.kept_segmenter import read_segmenter, write_segmenter
from zaoju.tokenization.parts import TokenizerParts

if TYPE_CHECKING:
    from zaoju.plugins import PluginManager

_FORMAT = 1
_KEY = "zaoju"
_LIVE_CLASS = "ZaojuLiveTokenizer"
_TEMPLATE = "chat_template.jinja"
"""Where newer versions of transformers keep it; it counts more than what the settings say."""


def write_folder(parts: TokenizerParts, folder: Path) -> None:
    """Write the tokenizer's files into `folder`, which may hold other files."""
    settings = dict(parts.settings)
    home = folder
    if parts.segmenter is not None:
        home = folder / "live"
        settings["tokenizer_class"] = _LIVE_CLASS
        home.mkdir(parents=True, exist_ok=True)
        write_segmenter(parts.segmenter, home)
    folder.mkdir(parents=True, exist_ok=True)
    settings.setdefault("eos_token", parts.backend.id_to_token(parts.end_of_text))
    settings[_KEY] = {"format": _FORMAT, "end_of_text": parts.end_of_text, "beginning": list(parts.beginning)}
    write_text_whole(home / "tokenizer.json", parts.backend.to_str(pretty=True))
    _write_json(folder / "tokenizer_config.json", settings)


def read_folder(folder: Path, plugins: PluginManager) -> TokenizerParts:
    """The tokenizer of any model folder, made by zaoju or not.

    Raises `ArtefactError` where there is none, where a file is damaged, or where a live tokenizer's segmenter or its
    dictionary is not there.
    """
    if not folder.is_dir():
        raise ArtefactError(f"there is no folder {folder}: give a folder that holds a model or a tokenizer")
    settings = read_json_object(folder / "tokenizer_config.json") or {}
    template = folder / _TEMPLATE
    if template.is_file():
        settings["chat_template"] = template.read_text("utf-8")
    ours = settings.pop(_KEY, None)
    if ours is None:
        return read_foreign(folder, settings)
    if not isinstance(ours, dict) or ours.get("format") != _FORMAT:
        raise ArtefactError(
            f"{folder / 'tokenizer_config.json'} is of a format that this zaoju does not know: it reads format "
            f"{_FORMAT}; use the version of zaoju that wrote the folder"
        )
    segmenter = None
    home = folder
    if settings.get("tokenizer_class") == _LIVE_CLASS:
        home = folder / "live"
        segmenter = read_segmenter(home, plugins)
    backend = read_backend(home / "tokenizer.json")
    end_of_text, beginning = _known_ids(backend, ours, folder)
    return TokenizerParts(backend, end_of_text, beginning, segmenter, settings)


def _known_ids(backend: Backend, ours: Mapping[str, object], folder: Path) -> tuple[int, tuple[int, ...]]:
    """The ids that `tokenizer_config.json` names, which must be in the vocabulary beside it."""
    end_of_text, beginning = ours.get("end_of_text"), ours.get("beginning")
    ids = [end_of_text, *beginning] if isinstance(beginning, list) else [None]
    known = [token for token in ids if isinstance(token, int) and backend.id_to_token(token) is not None]
    if len(known) != len(ids):
        raise ArtefactError(
            f"{folder / 'tokenizer_config.json'} names the tokens {ids}, which the vocabulary beside it does not have: "
            "the files are not of one tokenizer; copy the whole folder again"
        )
    return known[0], tuple(known[1:])


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    write_text_whole(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
