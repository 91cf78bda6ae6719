"""Steps with fixed shapes and addresses give the logits of plain steps. No GPU is needed: on a CPU nothing is captured,
the same computation with the same tensors is run again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from support.small_models import small_gpt2, small_llama
from zaoju.generation import LeanRunner
from zaoju.generation.captured_steps import CapturedSteps, Replay, _forward
from zaoju.models import CausalLM, load_model

VOCABULARY, CONTEXT = 60, 160


def again(compute: Callable[[], torch.Tensor]) -> tuple[Replay, torch.Tensor]:
    """What a graph does: it runs once, then writes the result of every run to the same tensor."""
    result = compute()

    def replay() -> None:
        result.copy_(compute())

    return replay, result


@pytest.fixture(params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> CausalLM:
    if request.param == "gpt2":
        return small_gpt2(VOCABULARY, CONTEXT)
    small_llama(VOCABULARY, CONTEXT).save(tmp_path)
    return load_model(tmp_path, "cpu")


def captured(model: CausalLM) -> LeanRunner:
    runner = LeanRunner(model)
    runner._captured = CapturedSteps(model, runner._cache, again, compiled=False)
    return runner


@pytest.mark.parametrize("seed", range(4))
def test_random_company(model: CausalLM, seed: int) -> None:
    """Rows rest, leave, are forked and rewound; neighbours that do not step keep every token."""
    draw = random.Random(seed)
    runner, plain = captured(model), LeanRunner(model)
    pairs: dict[int, int] = {}
    used = 0
    for _ in range(60):
        if len(pairs) < 3 or draw.random() < 0.15:
            prompts = [[draw.randrange(VOCABULARY) for _ in range(draw.randint(1, 40))] for _ in range(3)]
            (rows, _), (others, _) = runner.prefill(prompts), plain.prefill(prompts)
            pairs |= dict(zip(rows, others, strict=True))
        some = draw.sample(sorted(pairs), draw.randint(1, len(pairs)))
        tokens = [draw.randrange(VOCABULARY) for _ in some]
        before = len(runner._captured._graphs) if runner._captured is not None else 0
        given = runner.step(some, tokens)
        used += bool(runner._captured is not None and len(runner._captured._graphs) >= before > 0)
        torch.testing.assert_close(given, plain.step([pairs[row] for row in some], tokens), rtol=1e-4, atol=1e-4)
        if draw.random() < 0.2:
            pairs[runner.fork(some[0])] = plain.fork(pairs[some[0]])
        if draw.random() < 0.2:
            runner.rewind(some[:1], [1])
            plain.rewind([pairs[some[0]]], [1])
        ended = [row for row in pairs if runner._cache.lengths[row] > 120 or draw.random() < 0.05]
        runner.drop(ended)
        plain.drop([pairs.pop(row) for row in ended])
    assert used > 30, "hardly a step went through a graph"


def test_whole_contexts(model: CausalLM) -> None:
    """A full neighbour cannot be written to, so such steps are not captured; nor is the one that makes room."""
    runner, plain = captured(model), LeanRunner(model)
    prompts = [[7] * CONTEXT, [8] * (CONTEXT - 3), [9] * 5, [3]]
    (rows, _), (others, _) = runner.prefill(prompts), plain.prefill(prompts)
    for token in range(3):
        given = runner.step(rows[1:], [token] * 3)
        torch.testing.assert_close(given, plain.step(others[1:], [token] * 3), rtol=1e-4, atol=1e-4)
    for one, row in ((runner, rows[0]), (plain, others[0])):
        one.rewind([row], [1])
    torch.testing.assert_close(runner.step(rows[:1], [5]), plain.step(others[:1], [5]), rtol=1e-4, atol=1e-4)


def test_results_are_not_overwritten(model: CausalLM) -> None:
    runner = captured(model)
    rows, _ = runner.prefill([[1, 2], [3]])
    first = runner.step(rows, [4, 5])
    kept = first.clone()
    runner.step(rows, [6, 7])
    assert torch.equal(first, kept)


def test_graphs_are_forgotten_when_the_cache_has_moved(model: CausalLM) -> None:
    runner = captured(model)
    assert runner._captured is not None
    rows, _ = runner.prefill([[1] * 60])
    runner.step(rows, [1])
    old = dict(runner._captured._graphs)
    assert old
    for _ in range(6):
        logits = runner.step(rows, [2])
    expected = LeanRunner(model).prefill([[1] * 60 + [1] + [2] * 6])[1]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
    assert all(graph not in runner._captured._graphs.values() for graph in old.values())


def test_the_step_asks_the_host_for_nothing(model: CausalLM) -> None:
    """One graph without a break, and no operation that reads a number back: what capturing needs."""
    cache = model.new_cache()
    cache.allocate(4)
    arguments = (torch.tensor([1, 2, 3, 4]), torch.tensor([0, 3, 5, 9]), cache.keys, cache.values, 64)
    with torch.inference_mode():
        compiled = torch.compile(_forward, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(model, *arguments), _forward(model, *arguments), rtol=1e-4, atol=1e-4)
