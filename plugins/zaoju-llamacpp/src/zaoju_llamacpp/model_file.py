"""Which GGUF file a model folder stands for: the one in it, or one made of its weights."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from tokenizers import Tokenizer as Backend

from zaoju import ArtefactError
from zaoju_llamacpp.convert import convert
from zaoju_llamacpp.native import NativeModel
from zaoju_llamacpp.options import LlamaCppOptions, Precision
from zaoju_llamacpp.weights import fingerprint, weight_files

HOME = "llamacpp"
"""The folder inside a model folder where converted files are kept."""

_LAYOUT = 1
"""Counted up when `convert` writes something else for the same weights, so that old files are not used."""

_LOGGER = logging.getLogger(__name__)
_PART = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")
_LARGEST_PADDING = 1024
_PROBES = 500
"""How many tokens of two vocabularies are compared."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file."""

    path: Path
    converted: bool = False
    """Whether it was made of the folder's own weights, and has no vocabulary."""
    temporary: bool = False
    """Whether it goes at once."""


@contextmanager
def model_file(folder: Path, options: LlamaCppOptions) -> Iterator[ModelFile]:
    """The file to open; a temporary one is there for the length of the block only.

    Raises `ArtefactError` where the folder has no such file or several, or cannot be converted.
    """
    given = _given(folder, options.file)
    if given is not None:
        if options.precision is not None:
            raise ArtefactError(
                f"{given} has the precision that it has, and runner.precision asks for {options.precision}: leave one "
                "of them out; precision is for folders that are converted"
            )
        yield ModelFile(given)
        return
    precision = options.precision or "f32"
    kept = _kept(folder, precision) if options.keep_converted else None
    if kept is not None:
        yield ModelFile(kept, converted=True)
        return
    with tempfile.TemporaryDirectory(prefix="zaoju-llamacpp-") as home:
        path = Path(home, f"{precision}.gguf")
        convert(folder, path, precision)
        yield ModelFile(path, converted=True, temporary=True)


def check_vocabulary(folder: Path, model: NativeModel) -> None:
    """Refuse a GGUF file beside a tokenizer that is not its own: every text would be nonsense.

    Nothing is checked where the folder has no tokenizer.json; reading the tokenizer says so.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return
    try:
        tokenizer = Backend.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception for whatever is wrong in the file
        raise ArtefactError(f"{file} cannot be read: {error}; copy the folder again") from error
    size = tokenizer.get_vocab_size()
    if abs(size - model.vocabulary_size) > max(_LARGEST_PADDING, size // 10):
        raise ArtefactError(
            f"{model.path} has {model.vocabulary_size} tokens and {file} has {size}: they do not belong together; put "
            "the tokenizer of that model into the folder"
        )
    probes = range(0, min(size, model.vocabulary_size), max(1, size // _PROBES))
    texts = model.token_texts(probes)
    if texts is None:
        return
    other = [token for token, text in zip(probes, texts, strict=True) if tokenizer.id_to_token(token) != text]
    # Special tokens are sometimes renamed, so a few may differ.
    if len(other) > len(probes) // 10:
        first = other[0]
        raise ArtefactError(
            f"token {first} is {texts[probes.index(first)]!r} in {model.path} and {tokenizer.id_to_token(first)!r} in "
            f"{file}, and so on: they do not belong together; put the tokenizer of that model into the folder"
        )


def _given(folder: Path, name: str | None) -> Path | None:
    """The GGUF file that the user put there; None where the folder is to be converted."""
    there = [path for path in sorted(folder.glob("*.gguf")) if _is_first(path)]
    if name is not None:
        if not (folder / name).is_file():
            names = ", ".join(path.name for path in there) or "none"
            raise ArtefactError(f"{folder} has no file {name}: of GGUF files there are {names}; correct runner.file")
        return folder / name
    if len(there) > 1:
        names = ", ".join(path.name for path in there)
        raise ArtefactError(f"{folder} has {len(there)} GGUF files, {names}: say which with runner.file")
    if not there and not weight_files(folder):
        raise ArtefactError(
            f"{folder} has neither a GGUF file nor weights as safetensors, of which the runner llamacpp makes one: "
            "put one of them into it"
        )
    return there[0] if there else None


def _is_first(path: Path) -> bool:
    """Whether a file is whole, or the first part of one that was split; llama.cpp finds the others."""
    part = _PART.search(path.name)
    return part is None or int(part[1]) == 1


def _kept(folder: Path, precision: Precision) -> Path | None:
    """The converted file inside the folder, made now where there is none; None where the folder cannot be written to.

    Files that were made of other weights are removed.
    """
    home = folder / HOME
    path = home / f"{precision}-{_LAYOUT}-{fingerprint(folder)[:16]}.gguf"
    if path.is_file():
        return path
    lock = FileLock(home / ".lock")
    try:
        home.mkdir(exist_ok=True)
        lock.acquire()
    except OSError as error:
        _LOGGER.warning("%s cannot be written to (%s), so its weights are converted at every start", folder, error)
        return None
    try:
        if not path.is_file():
            convert(folder, path, precision)
            # The lock is ours, so nobody writes: what is left beside the file is of a process that was killed.
            for old in [*home.glob(f"{precision}-*"), *home.glob(f".{precision}-*")]:
                if old != path:
                    old.unlink()
    finally:
        lock.release()
    return path
