"""Rows: what each holds is its own, whatever the others do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from zaoju.errors import UserError
from zaoju.testing.reachable import reachable, tensor_bytes
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_LENGTHS = (5, 1, 18, 2, 8, 3)
_CYCLES, _TURNS, _FEW = 2000, 30, 8


class RowChecks(RunnerChecks):
    """Rows of any length begin, go on, part and end in any company."""

    def test_prompts_are_read_alike_in_any_batch(self, trial: Trial) -> None:
        """Prompts of several lengths at once, in two orders, and some of them equal."""
        texts = [trial.text(length) for length in _LENGTHS]
        for some in (texts, texts[::-1], [*texts[:2], *texts[:2]]):
            trial.drop(trial.begin(*some))

    def test_a_step_is_a_longer_prompt(self, trial: Trial) -> None:
        """Step for step, a row has the logits of its whole text."""
        rows = trial.begin(trial.text(3))
        for _ in range(6):
            trial.step(rows)

    def test_rows_step_in_any_order_and_company(self, trial: Trial) -> None:
        """All of them, backwards, every other one, and each alone; the logits stand in the order of the call."""
        rows = trial.begin(*(trial.text(length) for length in _LENGTHS))
        for some in (rows, rows[::-1], rows[::2], rows[1::2][::-1], *([row] for row in rows), rows):
            trial.step(some)

    def test_rows_join_and_leave_at_every_step(self, trial: Trial) -> None:
        """As requests of a server do."""
        running: list[int] = []
        for turn in range(12):
            running += trial.begin(*(trial.text(1 + (turn + number) % 7) for number in range(1 + turn % 2)))
            trial.step(running)
            if len(running) > 4:
                trial.drop([running.pop(turn % len(running)), running.pop(0)])
            trial.step(running[::-1])

    def test_a_fork_goes_on_by_itself(self, trial: Trial) -> None:
        """Beside its origin, with other tokens, and when the origin has gone; forks of forks too."""
        origin, other = trial.begin(trial.text(6), trial.text(3))
        copy = trial.fork(origin)
        trial.step([copy])
        trial.step([origin])
        trial.step([other, copy, origin])
        second = trial.fork(copy)
        trial.drop([origin])
        trial.step([copy, second, other])
        trial.drop([copy])
        trial.begin(trial.text(9))
        trial.step([second])
        trial.check_alive()

    def test_a_dropped_row_is_gone(self, trial: Trial) -> None:
        """Its handle is never given again, nor taken; and nothing else changes, also where no row is dropped at all.

        A runner may keep what it has read, but not under the handle of a row that has ended.
        """
        rows = trial.begin(*(trial.text(length) for length in _LENGTHS))
        gone = rows[1:4]
        trial.drop(gone)
        trial.drop([])
        trial.check_alive()
        trial.begin(trial.text(4), trial.text(4))
        trial.fork(rows[0])
        for row in gone:
            _check_refused(f"step([{row}], [1])", partial(trial.runner.step, [row], [1]))
            _check_refused(f"fork({row})", partial(trial.runner.fork, row))
        trial.check_alive()

    def test_dropped_rows_are_freed(self, trial: Trial) -> None:
        """After thousands of rows there is as much room as before, and no more is held than after a few."""
        runner = trial.runner
        text = trial.text(2)
        for _ in range(_CYCLES):
            rows, _ = runner.prefill([text])
            runner.drop(rows)
        held = []
        for turn in range(_TURNS):
            rows = trial.begin(*(trial.text(length) for length in _LENGTHS), keep_hidden="hidden" in runner.abilities)
            trial.step(rows)
            copy = trial.fork(rows[turn % len(rows)])
            trial.drop([*rows, copy])
            held.append((reachable(runner), tensor_bytes(runner)))
        for what, early, late in zip(("objects", "bytes of tensors"), held[_FEW], held[-1], strict=True):
            assert late - early < _TURNS, (
                f"after {_TURNS} times 7 rows that were dropped it holds {late:,} {what}, and {early:,} after {_FEW} "
                "times: free in drop() whatever is kept for a row"
            )


def _check_refused(call: str, use: Callable[[], object]) -> None:
    try:
        use()
    except (ValueError, LookupError, UserError):
        return
    raise AssertionError(f"{call} takes a row that was dropped: raise ValueError, for its handle is never valid again")
