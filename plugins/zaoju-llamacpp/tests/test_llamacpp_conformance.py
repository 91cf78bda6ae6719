"""What zaoju asks of every runner, checked on the installed package: in 32 bits, in 16, and in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import llamacpp_support as support

support.need_llama_cpp()

import torch  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import Runner  # noqa: E402
from zaoju.models import CausalLM  # noqa: E402
from zaoju.testing import RunnerContract  # noqa: E402

CONTEXT = 40


@cache
def model(kind: str) -> CausalLM:
    if kind == "gpt2":
        return support.gpt2(n_positions=CONTEXT)
    return support.transformers_model(kind, max_position_embeddings=CONTEXT)


def opened(kind: str, **options: object) -> LlamaCppRunner:
    """A runner over the model, from a folder that goes at once."""
    values = {"rows": 24, "context": 1024, "keep_converted": False, "threads": 1, **options}
    with TemporaryDirectory() as folder:
        model(kind).save(Path(folder))
        return LlamaCppRunner.open(Path(folder), options=LlamaCppOptions.model_validate(values))


class TestLlama(RunnerContract):
    """Equal to transformers but for rounding."""

    component = "llamacpp"

    def open(self) -> Runner:
        return opened("llama")

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return support.next_logits(model("llama"), list(tokens))


class TestGPT2(RunnerContract):
    """llama.cpp looks its GELU up in a table of 16 bits, where rounding to a neighbour is a large step."""

    component = "llamacpp"
    tolerance = 2e-3

    def open(self) -> Runner:
        return opened("gpt2")

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return support.next_logits(model("gpt2"), list(tokens))


class TestSixteenBits(RunnerContract):
    """Rounded weights, keys and values: what a row has is its own all the same.

    With `q8_0` the kit would see nothing: llama.cpp rounds what comes in to 8 bits too, and so the least difference of
    rounding may become one of 1 in 127, as large in a model of this size as that of another token.
    """

    component = "llamacpp"
    tolerance = 1e-2

    def open(self) -> Runner:
        return opened("qwen2", precision="f16")


class TestLittleMemory(RunnerContract):
    """Fewer cells than the rows could fill."""

    component = "llamacpp"

    def open(self) -> Runner:
        return opened("llama", context=512)
