"""CTranslate2 and llama.cpp, without anything of zaoju around them."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from decoding_peers.missing import NotInstalled

Write = Callable[[int, int], int]


def _ctranslate2(folder: Path, tokens: list[int], compute: str) -> Write:
    if importlib.util.find_spec("ctranslate2") is None:
        raise NotInstalled("not installed: pip install ctranslate2")
    import ctranslate2

    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "converted"
        source = _with_every_special_token(folder, Path(place) / "source")
        ctranslate2.converters.TransformersConverter(str(source)).convert(str(target), quantization=compute)
        generator = ctranslate2.Generator(
            str(target), device="cpu", compute_type=compute, intra_threads=torch.get_num_threads(), inter_threads=1
        )
        words = generator_words(folder, tokens)

    def write(batch: int, new: int) -> int:
        out = generator.generate_batch(
            [words] * batch,
            max_length=new,
            min_length=new,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=[],
            max_batch_size=batch,
        )
        return sum(len(one.sequences_ids[0]) for one in out)

    return write


def _with_every_special_token(folder: Path, copy: Path) -> Path:
    """The same folder with names for the tokens that CTranslate2 insists on."""
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).symlink_to(file.resolve())
    described = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    names = ("bos_token", "eos_token", "unk_token")
    (copy / "tokenizer_config.json").unlink()
    filled = {name: described.get(name) or described["eos_token"] for name in names}
    (copy / "tokenizer_config.json").write_text(json.dumps({**described, **filled}), "utf-8")
    return copy


def generator_words(folder: Path, tokens: list[int]) -> list[str]:
    """The prompt as the strings that CTranslate2 takes."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [str(backend.id_to_token(token)) for token in tokens]


def _llama_cpp(folder: Path, tokens: list[int], precision: str) -> Write:
    if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("zaoju_llamacpp") is None:
        raise NotInstalled("not installed: pip install ./plugins/zaoju-llamacpp (builds llama.cpp)")
    from zaoju_llamacpp.options import LlamaCppOptions
    from zaoju_llamacpp.runner import LlamaCppRunner

    options = LlamaCppOptions.model_validate({"precision": precision, "context": 16384})
    context = LlamaCppRunner.open(folder, device="cpu", options=options)._context

    def write(batch: int, new: int) -> int:
        """One `llama_decode` a token and an argmax."""
        rows = list(range(batch))
        chosen = context.decode(rows, [0] * batch, [tokens] * batch, every=False).argmax(dim=1).tolist()
        for place in range(len(tokens), len(tokens) + new - 1):
            chosen = context.decode(rows, [place] * batch, [[one] for one in chosen], every=False).argmax(1).tolist()
        for row in rows:
            context.forget(row)
        return batch * new

    return write


WAYS = {
    "ctranslate2 float32": partial(_ctranslate2, compute="float32"),
    "ctranslate2 int8": partial(_ctranslate2, compute="int8"),
    "llama.cpp f32": partial(_llama_cpp, precision="f32"),
    "llama.cpp q8_0": partial(_llama_cpp, precision="q8_0"),
}
