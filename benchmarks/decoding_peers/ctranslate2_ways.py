"""CTranslate2, on a CPU."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import partial
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
    import ctranslate2
    from tokenizers import Tokenizer

    converted = session.folder / f"ctranslate2-{precision}"
    if not (converted / "config.json").is_file():
        converter = ctranslate2.converters.TransformersConverter(str(session.folder))
        converter.convert(str(converted), quantization=precision, force=True)
    generator: Any = ctranslate2.Generator(
        str(converted), device="cpu", compute_type=precision, intra_threads=torch.get_num_threads(), inter_threads=1
    )
    words = Tokenizer.from_file(str(session.folder / "tokenizer.json"))

    def write(prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
        drawn = {"sampling_topk": 0, "sampling_topp": TOP_P, "sampling_temperature": TEMPERATURE}
        given = generator.generate_batch(
            [[words.id_to_token(token) for token in prompt.tokens] for prompt in prompts],
            max_batch_size=len(prompts),
            min_length=new,
            max_length=new,
            include_prompt_in_result=False,
            **(drawn if mode == "nucleus" else {"sampling_topk": 1}),
        )
        return [list(one.sequences_ids[0]) for one in given]

    return write
