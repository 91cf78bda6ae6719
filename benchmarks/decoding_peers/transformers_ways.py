"""transformers: `generate` with its caches, and its continuous batching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import torch
from decoding_models import Prompt
from measuring import Network

from decoding_peers.way import TEMPERATURE, TOP_P, Mode, Session, Way, Write

if TYPE_CHECKING:
    from transformers import ContinuousBatchingConfig, GenerationConfig

BASE = "generate dynamic"
"""What all others are compared with."""


class _Common(TypedDict):
    weight_bytes: float
    kept_bytes: float
    number_bytes: int
    exact: bool


def ways(device: str) -> Iterator[Way]:
    """Those that there are on `device`: in float32 on a CPU, and in bfloat16."""
    main = torch.float32 if device == "cpu" else torch.bfloat16
    common = _common(main)
    yield Way(BASE, partial(_generate, dtype=main), kept=f"network {main}", **common)
    if device == "cpu":
        half = torch.bfloat16
        opening = partial(_generate, dtype=half)
        slow = not _has_bfloat16()
        yield Way(f"{BASE} bfloat16", opening, kept=f"network {half}", on_demand=slow, **_common(half))
    yield Way(
        "generate static compiled",
        partial(_compiled, dtype=main),
        kept=f"network {main} static",
        compiles=True,
        on_demand=device == "cpu",  # half a minute of compiling for every size of the batch
        **common,
    )
    yield Way("transformers continuous", partial(_continuous, dtype=main), kept=f"network {main} continuous", **common)


def _common(dtype: torch.dtype) -> _Common:
    return {
        "weight_bytes": dtype.itemsize,
        "kept_bytes": dtype.itemsize,
        "number_bytes": dtype.itemsize,
        "exact": dtype == torch.float32,
    }


def settings(new: int, mode: Mode, **more: object) -> GenerationConfig:
    """How `generate` writes `new` tokens; nothing hidden, such as its top_k of 50, acts."""
    from transformers import GenerationConfig

    drawn = {"do_sample": True, "temperature": TEMPERATURE, "top_p": TOP_P, "top_k": 0}
    how = drawn if mode == "nucleus" else {"do_sample": False}
    lengths = {"max_new_tokens": new, "min_new_tokens": new, "pad_token_id": 0}
    return GenerationConfig(**{**lengths, **how, **more})  # type: ignore[no-untyped-call]  # transformers


def _generate(session: Session, dtype: torch.dtype) -> Write:
    return partial(_write, session.network(dtype), {})


def _compiled(session: Session, dtype: torch.dtype) -> Write:
    from transformers import CompileConfig

    how = CompileConfig(mode="reduce-overhead" if session.device == "cuda" else "default")
    # Without it `generate` compiles on GPUs only.
    how._compile_all_devices = True  # type: ignore[assignment]  # transformers says None
    more = {"cache_implementation": "static", "compile_config": how}
    return partial(_write, session.network(dtype, alone="static"), more)


@torch.inference_mode()
def _write(
    network: Network, more: dict[str, object], prompts: Sequence[Prompt], new: int, mode: Mode
) -> list[list[int]]:
    torch.manual_seed(0)
    ids = torch.tensor([prompt.tokens for prompt in prompts], device=network.device)
    written = network.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings(new, mode, **more))
    texts: list[list[int]] = written[:, ids.shape[1] :].tolist()
    return texts


def scheduling(session: Session) -> ContinuousBatchingConfig:
    """transformers' own choice on a GPU. On a CPU that would be most of the memory and a mask as wide: what is needed.

    There a pass takes 512 tokens, as zaoju's does.
    """
    from transformers import ContinuousBatchingConfig

    if session.device != "cpu":
        return ContinuousBatchingConfig()
    page = ContinuousBatchingConfig().page_size
    blocks = session.rows * (-(-session.length // page) + 1)
    return ContinuousBatchingConfig(num_blocks=blocks, max_batch_tokens=max(512, session.rows))


def _continuous(session: Session, dtype: torch.dtype) -> Write:
    network = session.network(dtype, alone="continuous")
    config = scheduling(session)
    prepared: set[Mode] = set()

    def once(prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
        given = network.generate_batch(
            [list(prompt.tokens) for prompt in prompts],
            generation_config=settings(new, mode, min_new_tokens=None, eos_token_id=-1),
            continuous_batching_config=config,
            persistent_manager=True,
        )
        errors = {str(one.error) for one in given.values() if one.error}
        if errors or len(given) != len(prompts):
            raise RuntimeError(f"{len(given)} of {len(prompts)} texts came back; {', '.join(errors)}")
        return [list(one.generated_tokens) for one in given.values()]

    def write(prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
        if mode not in prepared:
            # What schedules stays from call to call, and keeps the mode and the sizes of its first call.
            network.destroy_cached_continuous_batching_manager()
            once(prompts, session.length - len(prompts[0].tokens), mode)
            prepared.clear()
            prepared.add(mode)
        return once(prompts, new, mode)

    return write


def _has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; without that it takes ten times as long as float32."""
    there_is = torch.cpu.get_capabilities()
    return any(there_is.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
