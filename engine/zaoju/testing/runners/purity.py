"""What is given stays as it is: the caller's lists, the logits of earlier calls, and the world outside."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from zaoju.contracts import Runner
from zaoju.testing.global_state import generator_states, other_seeds
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_LENGTHS = (3, 1, 6)
_TOKENS_OF_A_TOUR = 40


class PurityChecks(RunnerChecks):
    """A call changes rows, and nothing else."""

    def test_logits_stay_as_they_were_given(self, trial: Trial) -> None:
        """A later call of any method writes to new memory: the caller may still look at the old."""
        given = list(_tour(trial.runner, trial.text(_TOKENS_OF_A_TOUR)))
        before = [one.clone() for one in given]
        list(_tour(trial.runner, trial.text(_TOKENS_OF_A_TOUR)))
        changed = [number for number, (one, kept) in enumerate(zip(given, before, strict=True)) if not one.equal(kept)]
        assert not changed, (
            f"{len(changed)} of {len(given)} tensors that it gave were other numbers after later calls: give a copy of "
            "memory that you use again"
        )

    def test_lists_belong_to_the_caller(self, trial: Trial) -> None:
        """It neither writes to what it is given nor keeps it, and takes tuples as well."""
        runner = trial.runner
        texts = [trial.text(length) for length in _LENGTHS]
        rows = trial.begin(*texts)
        given = [list(text) for text in texts]
        handles, _ = runner.prefill(given)
        assert given == texts, "prefill() wrote to a prompt"
        kept = list(handles)
        for one in (*given, handles):
            one.clear()  # as a caller may, who needs them no longer
        tokens = trial.text(len(rows))
        called, stepped = list(kept), list(tokens)
        logits = runner.step(called, stepped)
        assert (called, stepped) == (kept, tokens), "step() wrote to its rows or its tokens"
        called.clear()
        stepped.clear()
        trial.check_close(logits, trial.step(rows, tokens), "its logits, of prompts whose lists were changed,")
        more = trial.text(len(rows))
        again = runner.step(tuple(kept), tuple(more))
        trial.check_close(again, trial.step(rows, more), "its logits, for tuples,")
        runner.drop(tuple(kept))
        begun, logits = runner.prefill(tuple(map(tuple, texts)))
        trial.check_close(logits, torch.stack([trial.expected(text) for text in texts]), "its logits, for tuples,")
        runner.drop(begun)

    def test_the_same_again(self, trial: Trial) -> None:
        """Another runner of the same model gives the same bits for the same calls."""
        tokens = trial.text(_TOKENS_OF_A_TOUR)
        first, second = list(_tour(trial.runner, tokens)), list(_tour(self.open(), tokens))
        same = all(one.equal(other) for one, other in zip(first, second, strict=True))
        assert same, "a second runner gave other bits for the same calls: is dropout left on, or chance in it?"

    def test_no_global_generator_is_used(self, trial: Trial) -> None:
        """Nor seeded: chance belongs to the selector, and the model has none."""
        before = generator_states()
        list(_tour(trial.runner, trial.text(_TOKENS_OF_A_TOUR)))
        moved = [name for name, state in generator_states().items() if state != before[name]]
        assert not moved, f"it draws from or seeds the global generator of {', '.join(moved)}"
        with other_seeds(99):
            trial.check_alive(trial.begin(trial.text(5)))


def _tour(runner: Runner, tokens: list[int]) -> Iterator[torch.Tensor]:
    """One call of every method, with these tokens in turn; gives every tensor that it gave. Leaves no row behind."""
    left = iter(tokens)

    def text(length: int) -> list[int]:
        return [next(left) for _ in range(length)]

    rows, logits = runner.prefill([text(length) for length in _LENGTHS])
    yield logits
    yield runner.step(rows, text(3))
    yield runner.step(rows[::-1], text(3))
    if "append" in runner.abilities:
        yield runner.append(rows, [text(1), text(1), text(1)])
    if "rewind" in runner.abilities:
        yield from runner.extend(rows[:2], [text(2), text(1)])
        runner.rewind(rows, [1, 0, 1])
    yield from runner.score([text(4), text(2)])
    copy = runner.fork(rows[0])
    yield runner.step([copy], text(1))
    runner.drop([*rows, copy])
    if "hidden" in runner.abilities:
        [row], logits = runner.prefill([text(3)], keep_hidden=True)
        yield logits
        yield runner.hidden(row)
        runner.drop([row])
