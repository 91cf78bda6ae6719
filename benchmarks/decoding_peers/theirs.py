"""transformers: generate with its caches, and its continuous batching."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel

BASE = "generate dynamic"
"""What all others are compared with."""

Write = Callable[[int, int], int]


def _network(folder: Path) -> PreTrainedModel:
    there = torch.cuda.is_available()
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16 if there else torch.float32, local_files_only=True
    )
    return network.to("cuda" if there else "cpu").eval()  # type: ignore[arg-type]


def _generate(folder: Path, tokens: list[int], **settings: object) -> Write:
    network = _network(folder)

    @torch.inference_mode()
    def write(batch: int, new: int) -> int:
        ids = torch.tensor([tokens] * batch, device=network.device)
        how = GenerationConfig(max_new_tokens=new, min_new_tokens=new, pad_token_id=0, **settings)
        out = network.generate(ids, attention_mask=torch.ones_like(ids), generation_config=how)
        return int(out[:, ids.shape[1] :].numel())

    return write


def _continuous(folder: Path, tokens: list[int]) -> Write:
    network = _network(folder)

    def write(batch: int, new: int) -> int:
        how = GenerationConfig(max_new_tokens=new, do_sample=False, eos_token_id=-1, pad_token_id=0)
        out = network.generate_batch([tokens] * batch, generation_config=how, progress_bar=False)
        return sum(len(one.generated_tokens) for one in out.values())

    return write


_GREEDY = {"do_sample": False}
_NUCLEUS = {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 0}

WAYS = {
    BASE: partial(_generate, **_GREEDY),
    "generate dynamic nucleus": partial(_generate, **_NUCLEUS),
    "generate static compiled": partial(_generate, **_GREEDY, cache_implementation="static"),
    "transformers continuous": _continuous,
}
