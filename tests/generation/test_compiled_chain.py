"""A chain as one compiled function: the same tokens as written out, and where it cannot be, that is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pytest
import torch

from zaoju import Columns, Engine, Generation, Request, StepContext
from zaoju.generation import chain as chain_module
from zaoju.generation.compiled_chain import CompiledChain, compiles_on
from zaoju.testing import decoding_engine
from zaoju_builtin.decoding.selectors.sample import Sample
from zaoju_builtin.decoding.transforms.temperature import Temperature
from zaoju_builtin.decoding.transforms.top_p import TopP

LONG = {
    "logit_bias": {"我": 1.0},
    "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 3,
    "min_new_tokens": 4,
    "temperature": 0.8,
    "top_k": 30,
    "top_p": 0.9,
    "min_p": 0.01,
    "typical_p": 0.9,
    "watermark_delta": 1.0,
}
WAYS: Sequence[Mapping[str, object]] = (
    {"strategy": "greedy"},
    {"strategy": "nucleus", "options": {"temperature": 0.7}},
    {"strategy": "nucleus", "options": {"repetition_penalty": 1.3, "top_p": 0.5}},
    {"strategy": "hf", "options": LONG},
    {"strategy": "llamacpp", "options": {"dry_multiplier": 0.8, "xtc_probability": 0.5, "frequency_penalty": 0.2}},
)


class Counted(CompiledChain):
    """Knows what became of its calls."""

    results: list[bool]

    def run(self, *arguments: object) -> tuple[torch.Tensor, torch.Tensor] | None:
        result = super().run(*arguments)  # type: ignore[arg-type]
        self.results.append(result is not None)
        return result


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Chains are compiled on the CPU too; the list tells for each call whether it was."""
    torch.compiler.reset()
    results: list[bool] = []
    monkeypatch.setattr(Counted, "results", results, raising=False)
    monkeypatch.setattr(chain_module, "CompiledChain", partial(Counted, backend="eager"))
    monkeypatch.setattr(chain_module, "compiles_on", lambda device: True)
    yield results


def requests(ways: Sequence[Mapping[str, object]] = WAYS) -> list[Request]:
    """Every way several times, with lengths that let batches shrink and grow."""
    return [
        Request(prompt, seed=seed, max_new_tokens=length, **way)  # type: ignore[arg-type]
        for way in ways
        for seed, (prompt, length) in enumerate([("我想", 4), ("我想你", 2), ("我们说再见，我们说", 4)])
    ]


def written(engine: Engine, ways: Sequence[Mapping[str, object]] = WAYS) -> list[Generation]:
    return engine.generate_batch(requests(ways), batch_size=8)


@pytest.fixture(scope="module")
def expected() -> list[Generation]:
    return written(decoding_engine())


def test_compiled_chains_give_the_same_texts(compiled: list[bool], expected: list[Generation]) -> None:
    assert written(decoding_engine()) == expected
    assert len(compiled) > 12 and all(compiled)


def test_with_the_graph_of_training_too(
    compiled: list[bool], expected: list[Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another backend, which goes through torch's own decompositions."""
    monkeypatch.setattr(chain_module, "CompiledChain", partial(Counted, backend="aot_eager"))
    assert written(decoding_engine(), WAYS[1:2]) == expected[3:6]
    assert compiled and all(compiled)


def test_rows_and_lengths_do_not_compile_it_again(compiled: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is a case of its own for torch, and so is an empty history."""
    graphs = 0

    def backend(graph: torch.fx.GraphModule, inputs: Sequence[torch.Tensor]) -> Callable[..., object]:
        nonlocal graphs
        graphs += 1
        return graph.forward

    monkeypatch.setattr(chain_module, "CompiledChain", partial(Counted, backend=backend))
    engine = decoding_engine()
    for count in (2, 5, 3, 8, 2, 6):
        some = [Request("我想你", strategy="nucleus", seed=seed, max_new_tokens=7 + seed) for seed in range(count)]
        engine.generate_batch(some)
    assert all(compiled) and len(compiled) > 40
    assert graphs <= 4


def test_on_a_cpu_nothing_is_compiled() -> None:
    assert not compiles_on(torch.device("cpu")) and compiles_on(torch.device("cuda"))


@pytest.mark.parametrize(
    "way",
    [
        {"chain": ["mirostat"], "options": {"mirostat_tau": 3.0}},
        {"strategy": "nucleus", "constraint": {"name": "regex", "pattern": "[我你他想在]{2,9}。"}},
        {"strategy": "best_of_n"},
    ],
    ids=str,
)
def test_what_remembers_or_is_held_runs_as_it_is_written(compiled: list[bool], way: Mapping[str, object]) -> None:
    texts = written(decoding_engine(), [way])
    assert not compiled
    assert all(text.token_ids for text in texts)


def test_a_transform_that_remembers_may_stand_idle_in_it(compiled: list[bool]) -> None:
    written(decoding_engine(), [{"chain": ["mirostat", "temperature"], "options": {"temperature": 0.5}}])
    assert compiled == []
    way = {"chain": ["mirostat", "temperature"], "options": {"mirostat_tau": 0.0, "temperature": 0.5}}
    written(decoding_engine(), [way])
    assert compiled and all(compiled)


def branching(self: Temperature, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
    """Looks at a number to decide."""
    return logits * 0.5 if bool(logits[0, 0] < 1e9) else logits


def test_what_cannot_be_captured_is_said_once(
    compiled: list[bool], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Temperature, "apply", branching)
    way = {"strategy": "nucleus", "options": {"temperature": 0.7}}
    with caplog.at_level(logging.WARNING, logger="zaoju"):
        texts = written(decoding_engine(), [way])
    said = [record.getMessage() for record in caplog.records if record.name.startswith("zaoju")]
    assert len(said) == 1 and len(said[0]) < 600
    assert said[0].startswith(
        "the decoding chain repetition_penalty -> temperature -> top_p -> sample cannot be compiled and runs as it is "
        "written, which is slower: "
    )
    assert compiled and not any(compiled)
    monkeypatch.setattr(chain_module, "compiles_on", lambda device: False)
    assert written(decoding_engine(), [way]) == texts


@pytest.mark.parametrize("broken", ["shape", "error"])
def test_a_faulty_transform_is_named_all_the_same(
    compiled: list[bool], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def apply(self: TopP, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        if broken == "error":
            raise KeyError("words")
        return logits.double()

    monkeypatch.setattr(TopP, "apply", apply)
    message = {"shape": r"transform 'top_p' gave torch\.float64", "error": "transform 'top_p' of zaoju failed with"}
    with pytest.raises(Exception, match=message[broken]):
        written(decoding_engine(), [{"strategy": "nucleus"}])
    assert compiled == [False]


def test_memory_that_runs_out_is_no_reason_to_give_up(compiled: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    engine = decoding_engine()

    def full(*arguments: object) -> torch.Tensor:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Sample, "select", full)
        with pytest.raises(MemoryError):
            written(engine, [{"strategy": "nucleus"}])
    assert compiled == []
    written(engine, [{"strategy": "nucleus"}])
    assert compiled and all(compiled)


def test_forms_are_kept_within_a_bound(compiled: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Four forms of one chain where two are kept: the same texts, whichever of them were forgotten."""
    monkeypatch.setattr("zaoju.generation.compiled_chain._MOST_FORMS", 2)
    settings = [{"top_k": 5 * (form & 1), "temperature": 1 - 0.5 * (form >> 1)} for form in (0, 1, 2, 3, 0)]

    def texts(engine: Engine) -> list[Generation]:
        return [engine.generate("我想", strategy="top_k", seed=2, max_new_tokens=3, **one) for one in settings]

    given = texts(decoding_engine())
    assert compiled and all(compiled)
    monkeypatch.setattr(chain_module, "compiles_on", lambda device: False)
    assert texts(decoding_engine()) == given
