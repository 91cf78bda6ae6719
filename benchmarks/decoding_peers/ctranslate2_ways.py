"""CTranslate2, on a CPU, in a process of its own.

It brings a second OpenMP runtime, which in one process with torch's slows torch's own steps from its first text on, so
no way beside it would be measured fairly.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from decoding_models import Prompt
from measuring import NotInstalledError

from decoding_peers.way import TEMPERATURE, TOP_P, Mode, Session, Way, Write


def ways(device: str) -> Iterator[Way]:
    """Those that there are on `device`."""
    for precision, size in (("float32", 4.0), ("int8", 1.0)) if device == "cpu" else ():
        yield Way(
            f"CTranslate2 {precision}",
            partial(_open, precision=precision),
            weight_bytes=size,
            kept=f"ctranslate2 {precision}",
            kept_bytes=size,
            exact=precision == "float32",
        )


def _open(session: Session, precision: str) -> Write:
    if importlib.util.find_spec("ctranslate2") is None:
        raise NotInstalledError("ctranslate2")
    worker = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    opened = worker.submit(_Worker.open, session.folder, precision, torch.get_num_threads())
    opened.result()

    def write(prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
        return worker.submit(_Worker.write, [prompt.tokens for prompt in prompts], new, mode).result()

    return write


class _Worker:
    """What lives in the other process."""

    generator: Any
    words: Any

    @classmethod
    def open(cls, folder: Path, precision: str, threads: int) -> None:
        """Convert the model where that is not done yet, and read it."""
        import ctranslate2
        from tokenizers import Tokenizer

        converted = folder / f"ctranslate2-{precision}"
        if not (converted / "config.json").is_file():
            converter = ctranslate2.converters.TransformersConverter(str(folder))
            converter.convert(str(converted), quantization=precision, force=True)
        cls.generator = ctranslate2.Generator(
            str(converted), device="cpu", compute_type=precision, intra_threads=threads, inter_threads=1
        )
        cls.words = Tokenizer.from_file(str(folder / "tokenizer.json"))

    @classmethod
    def write(cls, prompts: Sequence[Sequence[int]], new: int, mode: Mode) -> list[list[int]]:
        """The new tokens of each text."""
        drawn = {"sampling_topk": 0, "sampling_topp": TOP_P, "sampling_temperature": TEMPERATURE}
        given = cls.generator.generate_batch(
            [[cls.words.id_to_token(token) for token in prompt] for prompt in prompts],
            max_batch_size=len(prompts),
            min_length=new,
            max_length=new,
            include_prompt_in_result=False,
            **(drawn if mode == "nucleus" else {"sampling_topk": 1}),
        )
        return [list(one.sequences_ids[0]) for one in given]
