"""Every runner of zaoju's own keeps its contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from support.small_models import small_gpt2
from zaoju.contracts import Runner
from zaoju.generation import FixedShapes, LeanRunner, LeanRunnerOptions, SharedPrefixes, TransformersRunner
from zaoju.models import CausalLM, Llama, LlamaConfig, TransformersLM
from zaoju.testing import HashRunner, RunnerContract

VOCABULARY, CONTEXT = 90, 40


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small only lose by waiting for one another's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def gpt2() -> CausalLM:
    return small_gpt2(VOCABULARY, CONTEXT)


@cache
def llama() -> CausalLM:
    """Shared keys and values, and weights that make the logits differ."""
    numbers = {"vocab_size": VOCABULARY, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2}
    numbers |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": CONTEXT}
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return Llama(LlamaConfig.from_json({"model_type": "llama", "initializer_range": 0.25, **numbers})).eval()


@cache
def through_transformers(family: str) -> TransformersLM:
    """The same weights, read by transformers."""
    with TemporaryDirectory() as folder:
        (gpt2() if family == "gpt2" else llama()).save(Path(folder))
        return TransformersLM.from_folder(Path(folder)).eval()


@cache
def through_a_window() -> TransformersLM:
    """A model whose layers look back 6 tokens, where a gap between the tokens of a row would show."""
    from transformers import MistralConfig, MistralForCausalLM

    sizes = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng(), TemporaryDirectory() as folder:
        torch.manual_seed(4)
        config = MistralConfig(
            vocab_size=VOCABULARY,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            sliding_window=6,
            initializer_range=0.25,
            **sizes,
        )
        MistralForCausalLM(config).save_pretrained(folder)
        return TransformersLM.from_folder(Path(folder)).eval()


def after(model: CausalLM, tokens: Sequence[int]) -> torch.Tensor:
    """[V]: the logits after these tokens, by a plain pass without a cache."""
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([tokens]))[0, -1]
        return logits


class TestLeanGPT2(RunnerContract):
    def open(self) -> Runner:
        return LeanRunner(gpt2())

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(through_transformers("gpt2"), tokens)


class TestLeanLlama(RunnerContract):
    def open(self) -> Runner:
        return LeanRunner(llama())

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(through_transformers("llama"), tokens)


class TestLeanInLittleMemory(RunnerContract):
    """A bound of a few rows: thousands fit into it in turn, and a full memory changes nothing."""

    def open(self) -> Runner:
        return LeanRunner(gpt2(), most_bytes=17 * gpt2().new_cache().row_bytes(CONTEXT))


class TestLeanLaidOut(RunnerContract):
    """By its name, and with its matrices laid out for decoding, as the engine opens it."""

    component = "lean"

    def open(self) -> Runner:
        return LeanRunner.taking_over(small_gpt2(VOCABULARY, CONTEXT), LeanRunnerOptions())

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(gpt2(), tokens)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="int8 needs a torch that is built with oneDNN")
class TestLeanInInt8(RunnerContract):
    """Where a rounded number falls on the other side, the logits move by a hundredth; else by nothing."""

    tolerance = 0.03

    def open(self) -> Runner:
        return LeanRunner.taking_over(small_gpt2(VOCABULARY, CONTEXT), LeanRunnerOptions(precision="int8"))


class TestTransformersGPT2(RunnerContract):
    component = "transformers"

    def open(self) -> Runner:
        return TransformersRunner(through_transformers("gpt2"))

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(gpt2(), tokens)


class TestTransformersLlama(RunnerContract):
    def open(self) -> Runner:
        return TransformersRunner(through_transformers("llama"))

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(llama(), tokens)


class TestTransformersWindow(RunnerContract):
    def open(self) -> Runner:
        runner = TransformersRunner(through_a_window())
        assert "rewind" not in runner.abilities, "its layers look at places, not at tokens"
        return runner

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(through_a_window(), tokens)


class TestFixedShapesOverLean(RunnerContract):
    def open(self) -> Runner:
        return FixedShapes(LeanRunner(gpt2()))

    def reference(self, tokens: Sequence[int]) -> torch.Tensor | None:
        return after(gpt2(), tokens)


class TestSharedPrefixesOverLean(RunnerContract):
    """What is shared is never seen from outside: the control shares nothing."""

    def open(self) -> Runner:
        return SharedPrefixes(LeanRunner(gpt2()))

    def control(self) -> Runner:
        return LeanRunner(gpt2())


class TestSharedPrefixesInLittleMemory(RunnerContract):
    def open(self) -> Runner:
        return SharedPrefixes(LeanRunner(gpt2(), most_bytes=17 * gpt2().new_cache().row_bytes(CONTEXT)))

    def control(self) -> Runner:
        return LeanRunner(gpt2())


class TestHashRunner(RunnerContract):
    tolerance = 0.0

    def open(self) -> Runner:
        return HashRunner(VOCABULARY, CONTEXT)
