"""The weights of a Hugging Face folder, read from safetensors one tensor at a time."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from zaoju import ArtefactError
from zaoju.files import hash_file, hash_json, read_json_object

_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, one or several; empty where there are none."""
    index = read_json_object(folder / _INDEX)
    if index is not None:
        shards = index.get("weight_map")
        if not isinstance(shards, dict):
            raise ArtefactError(f"{folder / _INDEX} has no weight_map; get the folder again from where it was made")
        return [folder / str(name) for name in sorted(set(shards.values()))]
    single = folder / _SINGLE
    return [single] if single.is_file() else []


def fingerprint(folder: Path) -> str:
    """The same for equal weights and numbers, wherever the folder lies: 64 hexadecimal digits. Reads the whole files.

    Raises `ArtefactError` where a file cannot be read.
    """
    files = [folder / "config.json", *weight_files(folder)]
    try:
        return hash_json([hash_file(file) for file in files])
    except OSError as error:
        raise ArtefactError(f"{folder} cannot be read: {error}; get the folder again from its source") from error


class Weights:
    """The tensors of a folder by name. Nothing is read before it is asked for, so a large model need not fit in memory.

    Raises `ArtefactError` where a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home: dict[str, Path] = {}
        for file in weight_files(folder):
            try:
                with safe_open(file, framework="pt") as opened:
                    self._home |= dict.fromkeys(opened.keys(), file)
            except (OSError, SafetensorError) as error:
                raise _damaged(file, error) from error

    @property
    def names(self) -> frozenset[str]:
        """The names of all tensors."""
        return frozenset(self._home)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, which is not read for it."""
        with safe_open(self._home[name], framework="pt") as opened:
            return tuple(opened.get_slice(name).get_shape())

    def read(self, name: str) -> torch.Tensor:
        """One tensor, in float32 on the CPU."""
        file = self._home[name]
        try:
            with safe_open(file, framework="pt") as opened:
                tensor: torch.Tensor = opened.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise _damaged(file, error) from error
        return tensor.to(torch.float32)


def _damaged(file: Path, error: Exception) -> ArtefactError:
    return ArtefactError(f"the weights in {file} cannot be read: {error}; the file is damaged or cut off")
