"""A Hugging Face folder as one GGUF file, for llama.cpp.

python -m zaoju_llamacpp.convert FOLDER OUT.gguf --precision q8_0
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch

from zaoju import ArtefactError, UserError
from zaoju.files import read_json_object
from zaoju_llamacpp.architectures import Architecture, Wanted, architecture, unneeded
from zaoju_llamacpp.options import Precision
from zaoju_llamacpp.weights import Weights

if TYPE_CHECKING:
    import gguf

_BLOCK = 32
"""Q8_0 has one scale for so many numbers of a row."""

_LARGEST_F16 = 65504.0


def convert(folder: Path, out: Path, precision: Precision = "f32") -> None:
    """Write the model in `folder` to the file `out`, whole or not at all; a file that is there is replaced.

    Vectors and the embeddings of the positions stay in 32 bits, as llama.cpp keeps them; so does everything in `f32`.
    Rows whose length is no multiple of 32 cannot be `q8_0` and become `f16`. The file holds no vocabulary: the
    tokenizer stays with the folder. Raises `ArtefactError` where the folder cannot be converted.
    """
    config = read_json_object(folder / "config.json")
    weights = Weights(folder)
    if config is None or not weights.names:
        raise ArtefactError(
            f"{folder} cannot be converted: it must hold config.json and weights as safetensors, as zaoju and "
            "transformers write them; give such a folder"
        )
    plan = architecture(config, weights.names)
    wanted = _agreed(plan, weights, folder)
    partial = out.with_name(f".{out.name}.{uuid.uuid4().hex}.partial")
    try:
        _write(partial, plan, wanted, weights, precision)
        partial.replace(out)
    except OSError as error:
        raise ArtefactError(f"{out} cannot be written: {error}; free some space, or write it elsewhere") from error
    finally:
        partial.unlink(missing_ok=True)


def _agreed(plan: Architecture, weights: Weights, folder: Path) -> list[Wanted]:
    """What is to be written. Refuses a folder that lacks a tensor, or has one that would be dropped."""
    there = {name for name in weights.names if not unneeded(name)}
    if not any(one.target == "output.weight" for one in plan.wanted):
        there.discard("lm_head.weight")  # tied to the embeddings, and saved all the same
    known = {one.source for one in plan.wanted}
    missing = {one.source for one in plan.wanted if not one.optional} - there
    wrong = sorted(missing | (there - known))
    if wrong:
        raise ArtefactError(
            f"the weights in {folder} do not agree with its config.json: {len(wrong)} tensors are missing or unknown, "
            f"the first is {wrong[0]!r}; get the folder again from its source"
        )
    return [one for one in plan.wanted if one.source in there]


def _write(path: Path, plan: Architecture, wanted: Sequence[Wanted], weights: Weights, precision: Precision) -> None:
    import gguf  # takes longer to import than the rest of this package

    writer = gguf.GGUFWriter(path, plan.name)
    try:
        _describe(writer, plan, weights.shape(plan.embedding)[0], precision)
        for name, tensor in plan.made.items():
            writer.add_tensor_info(name, tensor.shape, np.dtype(np.float32), tensor.nbytes)
        kinds: list[gguf.GGMLQuantizationType] = []
        for one in wanted:
            shape = one.shape(weights.shape(one.source))
            kinds.append(_kind(one.target, shape, precision))
            _announce(writer, one.target, shape, kinds[-1])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in plan.made.values():
            writer.write_tensor_data(tensor.numpy())
        for one, kind in zip(wanted, kinds, strict=True):
            writer.write_tensor_data(_encoded(one, weights.read(one.source), kind))
    finally:
        writer.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _describe(writer: gguf.GGUFWriter, plan: Architecture, vocabulary_size: int, precision: Precision) -> None:
    """The numbers of the model. No vocabulary, but how many tokens it has."""
    import gguf

    types = gguf.LlamaFileType
    file_types = {"f32": types.ALL_F32, "f16": types.MOSTLY_F16, "q8_0": types.MOSTLY_Q8_0}
    writer.add_file_type(file_types[precision])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_tokenizer_model("no_vocab")
    for key, number in {**plan.numbers, "vocab_size": vocabulary_size}.items():
        name = f"{plan.name}.{key}"
        if isinstance(number, str):
            writer.add_string(name, number)
        elif isinstance(number, float):
            writer.add_float32(name, number)
        else:
            writer.add_uint32(name, number)


def _kind(target: str, shape: Sequence[int], precision: Precision) -> gguf.GGMLQuantizationType:
    """How a tensor is kept: the rules of llama.cpp's `llama_model_quantize`."""
    import gguf

    kinds = gguf.GGMLQuantizationType
    if precision == "f32" or len(shape) < 2 or target == "position_embd.weight":
        return kinds.F32
    return kinds.Q8_0 if precision == "q8_0" and shape[-1] % _BLOCK == 0 else kinds.F16


def _announce(writer: gguf.GGUFWriter, name: str, shape: Sequence[int], kind: gguf.GGMLQuantizationType) -> None:
    """Say what will be written, so that the tensors can be written one after the other."""
    import gguf

    if kind == gguf.GGMLQuantizationType.Q8_0:
        shape = gguf.quant_shape_to_byte_shape(shape, kind)
    dtype = {gguf.GGMLQuantizationType.F32: np.float32, gguf.GGMLQuantizationType.F16: np.float16}.get(kind, np.uint8)
    writer.add_tensor_info(name, shape, np.dtype(dtype), math.prod(shape) * np.dtype(dtype).itemsize, raw_dtype=kind)


def _encoded(one: Wanted, tensor: torch.Tensor, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    import gguf

    if kind == gguf.GGMLQuantizationType.F16 and tensor.abs().max() > _LARGEST_F16:
        raise ArtefactError(
            f"{one.source} has numbers beyond {_LARGEST_F16:,.0f}, which f16 cannot hold; convert with precision f32"
        )
    encoded: np.ndarray = gguf.quantize(one.change(tensor).contiguous().numpy(), kind)
    return encoded


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 where the file was written, 2 where the folder cannot be converted."""
    parser = argparse.ArgumentParser(
        prog="python -m zaoju_llamacpp.convert",
        description="Write the model in a Hugging Face folder (gpt2, llama, qwen2, qwen3; safetensors) as a GGUF file "
        "without a vocabulary, for the runner llamacpp of zaoju.",
    )
    parser.add_argument("folder", type=Path, help="holds config.json and the weights")
    parser.add_argument("out", type=Path, help="the GGUF file; one that is there is replaced")
    parser.add_argument("--precision", choices=get_args(Precision), default="f32", help="f32 where it is left out")
    given = parser.parse_args(arguments)
    try:
        convert(given.folder, given.out, given.precision)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{given.out}: {given.precision}, {given.out.stat().st_size / 2**20:,.1f} MiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
