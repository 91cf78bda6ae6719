"""llama.cpp without anything of zaoju's engine around it: `llama_decode`, then argmax or its own samplers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from decoding_models import Prompt
from measuring import NotInstalledError

from decoding_peers.way import TEMPERATURE, TOP_P, Mode, Session, Way, Write
from decoding_peers.zaoju_ways import load, through_engine

if TYPE_CHECKING:
    from zaoju_llamacpp.native import NativeContext


def ways(device: str) -> Iterator[Way]:
    """Those that there are on `device`, and zaoju's engine over llama.cpp."""
    for precision, size in (("f32", 4.0), ("q8_0", 34 / 32)) if device == "cpu" else ():
        # With weights of 32 bits the cache has 32 too, else llama.cpp's usual 16.
        exact = precision == "f32"
        bare, through = f"llama.cpp {precision}", f"zaoju over llama.cpp {precision}"
        for name, opening in ((bare, _bare), (through, _through_engine)):
            yield Way(
                name,
                partial(opening, precision=precision),
                weight_bytes=size,
                kept=bare,  # both map the same file
                kept_bytes=size,
                number_bytes=4 if exact else 2,
                part_of=bare if name == through else None,
                exact=exact,
            )


def _through_engine(session: Session, precision: str) -> Write:
    _check_installed()
    choice = {"name": "llamacpp", "precision": precision, "context": _cells(session), "rows": session.rows}
    return partial(through_engine, load(session, choice))


def _cells(session: Session) -> int:
    """How many tokens all texts may have together; llama.cpp counts in steps of 256."""
    return -(-session.rows * session.length // 256) * 256


def _check_installed() -> None:
    if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("zaoju_llamacpp") is None:
        raise NotInstalledError("./plugins/zaoju-llamacpp")


def _bare(session: Session, precision: str) -> Write:
    _check_installed()
    from zaoju_llamacpp.model_file import model_file
    from zaoju_llamacpp.native import NativeContext, NativeModel, Settings
    from zaoju_llamacpp.options import LlamaCppOptions

    with model_file(session.folder, LlamaCppOptions.model_validate({"precision": precision})) as file:
        model = NativeModel(file.path)
    threads = torch.get_num_threads()
    context = NativeContext(model, Settings(threads=threads, rows=session.rows, cells=_cells(session)))

    draw = _sampler(context)

    def write(prompts: Sequence[Prompt], new: int, mode: Mode) -> list[list[int]]:
        choose = draw if mode == "nucleus" else _most_probable
        rows, fed = list(range(len(prompts))), [list(prompt.tokens) for prompt in prompts]
        starts = [0] * len(rows)
        chosen = []
        for _ in range(new):
            logits = context.decode(rows, starts, fed, every=False)
            chosen.append(choose(logits, [end - 1 for end in accumulate(map(len, fed))]))
            starts = [start + len(tokens) for start, tokens in zip(starts, fed, strict=True)]
            fed = [[token] for token in chosen[-1]]
        for row in rows:
            context.forget(row)
        return [list(text) for text in zip(*chosen, strict=True)]

    return write


def _most_probable(logits: torch.Tensor, _: Sequence[int]) -> list[int]:
    chosen: list[int] = logits.argmax(dim=1).tolist()
    return chosen


def _sampler(context: NativeContext) -> Callable[[torch.Tensor, Sequence[int]], list[int]]:
    """llama.cpp's own samplers; they read the logits where llama.cpp keeps them, at the places of the last pass."""
    import llama_cpp

    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_temp(TEMPERATURE))
    llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_top_p(TOP_P, 1))
    llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_dist(0))
    return lambda _, places: [llama_cpp.llama_sampler_sample(chain, context._handle, place) for place in places]
