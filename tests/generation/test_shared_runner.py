"""A runner that several loops share: rows go back to it at any moment, and nobody waits for himself."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence

import pytest
import torch

from zaoju.generation import Engine
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer


class InterruptedRunner(HashRunner):
    """Does something else in the middle of its next step or prompt."""

    meanwhile: Callable[[], object] | None = None

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[list[int], torch.Tensor]:
        self._interrupt()
        return super().prefill(prompts)

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        self._interrupt()
        return super().step(rows, tokens)

    def _interrupt(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()


@pytest.fixture
def runner(tokenizer: Tokenizer) -> InterruptedRunner:
    return InterruptedRunner(tokenizer.vocabulary_size, 40)


@pytest.fixture
def engine(runner: InterruptedRunner, tokenizer: Tokenizer, plugins: PluginManager) -> Engine:
    return Engine(runner, tokenizer, plugins)


def finishes(work: Callable[[], object]) -> bool:
    """Whether `work` comes to its end, in a thread that a deadlock may keep."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout=30)
    return not thread.is_alive()


def test_a_forgotten_stream_is_collected_inside_a_step(engine: Engine, runner: InterruptedRunner) -> None:
    stream = engine.stream("我想", seed=1)
    next(stream)
    circle: list[object] = [stream]
    circle.append(circle)
    del stream, circle
    assert len(runner.rows) == 1
    runner.meanwhile = gc.collect
    assert finishes(lambda: engine.generate("你", seed=2, max_new_tokens=4))
    assert runner.meanwhile is None and runner.rows == {}


@pytest.mark.parametrize("steps", [0, 1])
def test_a_stream_is_closed_inside_another_one(engine: Engine, runner: InterruptedRunner, steps: int) -> None:
    one, other = engine.stream("我想", seed=1), engine.stream("你", seed=2)
    next(one)
    for _ in range(steps):
        next(other)
    runner.meanwhile = one.close
    assert finishes(lambda: next(other))
    assert runner.meanwhile is None and len(runner.rows) == 1
    other.close()
    assert runner.rows == {}


def test_a_row_is_freed_where_the_step_fails(engine: Engine, runner: InterruptedRunner) -> None:
    stream = engine.stream("我想", seed=1)
    next(stream)

    def close_and_fail() -> None:
        stream.close()
        raise MemoryError

    runner.meanwhile = close_and_fail
    with pytest.raises(MemoryError):
        engine.generate("你", seed=2, max_new_tokens=4)
    assert runner.rows == {}
