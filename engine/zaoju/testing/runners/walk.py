"""Random calls, in any order, beside a runner that reads every text from its start."""

from __future__ import annotations

from typing import TypeAlias

from zaoju.plugins.foreign import describe
from zaoju.testing.requirements import hypothesis
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_WALKS = 40
_CALLS = 25
_MOST_ROWS = 6

Call: TypeAlias = tuple[str, int, int]
"""What to do, and two numbers that choose rows and lengths among those that there are."""


class WalkChecks(RunnerChecks):
    """What no other check thought of."""

    def test_random_calls(self, trial: Trial) -> None:
        """Rows begin, step, append, extend, rewind, fork and end; what fails is shrunk to its shortest form."""
        strategies = hypothesis.strategies
        names = ["begin", "begin", "step", "step", "step", "fork", "drop"]
        names += ["append"] if "append" in trial.runner.abilities else []
        names += ["extend", "rewind", "rewind"] if "rewind" in trial.runner.abilities else []
        number = strategies.integers(0, 99)
        call = strategies.tuples(strategies.sampled_from(names), number, number)

        @hypothesis.settings(
            max_examples=_WALKS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(strategies.lists(call, min_size=3, max_size=_CALLS))
        def walk(calls: list[Call]) -> None:
            nonlocal trial
            try:
                trial.restart()
                for one in calls:
                    _do(trial, one)
                trial.check_alive()
            except Exception as error:
                history, trial = trial.history(), self.new_trial()  # of the old one nobody knows how it is
                raise AssertionError(f"{describe(error)}\nThe calls were:\n{history}") from error

        walk()


def _do(trial: Trial, call: Call) -> None:
    """One call, where it can be; else nothing."""
    name, which, number = call
    room = trial.runner.context_length
    alive = list(trial.texts)
    if name == "begin" and len(alive) < _MOST_ROWS:
        trial.begin(*(trial.text(1 + (number + other) % 20) for other in range(1 + which % 3)))
    elif name == "fork" and alive and len(alive) < _MOST_ROWS:
        trial.fork(alive[which % len(alive)])
    elif name == "drop" and alive:
        trial.drop([alive[which % len(alive)]])
    elif name == "rewind" and (some := _some(alive, which)):
        trial.rewind(some, [(number + place) % len(trial.texts[row]) for place, row in enumerate(some)])
    elif name in ("step", "append", "extend"):
        some = [row for row in _some(alive, which) if len(trial.texts[row]) + 3 <= room]
        new = [trial.text(1 + (number + place) % 3) for place, _ in enumerate(some)]
        if not some:
            return
        if name == "step":
            trial.step(some)
        elif name == "append":
            trial.append(some, new)
        else:
            trial.extend(some, new)


def _some(rows: list[int], which: int) -> list[int]:
    """A part of the rows, in an order of its own."""
    kept = [row for place, row in enumerate(rows) if which >> (place % 6) & 1]
    return kept[::-1] if which % 2 else kept
