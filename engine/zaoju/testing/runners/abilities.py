"""The abilities: what a runner can do beyond its five methods, if it says so."""

from __future__ import annotations

from collections.abc import Callable

import torch

from zaoju.contracts import Ability
from zaoju.testing.requirements import pytest
from zaoju.testing.runners.base import RunnerChecks, skip_without
from zaoju.testing.runners.trial import Trial

_LENGTHS = (4, 1, 9)


class AbilityChecks(RunnerChecks):
    """`append`, `rewind` and `hidden`."""

    def test_appending_is_stepping(self, trial: Trial) -> None:
        """Several tokens at a time, not equally many, in any order of rows; then it steps on."""
        skip_without(trial.runner, "append")
        rows = trial.begin(*map(trial.text, _LENGTHS))
        for some, counts in ((rows, (1, 5, 2)), (rows[::-1], (3, 1, 1)), (rows[1:2], (6,)), (rows[::2], (1, 1))):
            trial.append(some, [trial.text(count) for count in counts])
            trial.step(some)
        trial.check_alive()

    def test_extending_gives_the_logits_of_every_place(self, trial: Trial) -> None:
        """Those that one step after the other gives."""
        skip_without(trial.runner, "rewind")
        rows = trial.begin(*map(trial.text, _LENGTHS))
        for some, counts in ((rows, (1, 5, 2)), (rows[::-1], (3, 1, 1)), (rows[1:2], (6,))):
            trial.extend(some, [trial.text(count) for count in counts])
        trial.check_alive()

    def test_rewinding_forgets(self, trial: Trial) -> None:
        """After it, a row is as if the tokens had never been there; rows rewind unequally, and not at all."""
        skip_without(trial.runner, "rewind")
        rows = trial.begin(*map(trial.text, _LENGTHS))
        for counts in ((2, 0, 5), (0, 3, 1), (4, 4, 4)):
            trial.extend(rows, [trial.text(4) for _ in rows])
            trial.rewind(rows, counts)
            trial.step(rows[::-1])
        [row] = trial.begin(trial.text(7))
        copy = trial.fork(row)
        trial.rewind([row], [6])
        trial.step([row, copy])
        trial.rewind([copy], [3])
        again = trial.fork(copy)
        trial.rewind([copy, *rows], [1, 1, 0, 2])
        trial.step([again])
        trial.check_alive()

    def test_hidden_states_are_those_of_the_tokens(self, trial: Trial) -> None:
        """[length, width] float32 for every token of a row, in company, of forks and after rewinding."""
        skip_without(trial.runner, "hidden")
        rows = trial.begin(*map(trial.text, _LENGTHS), keep_hidden=True)
        trial.begin(trial.text(3))
        _check_hidden(trial, rows)
        trial.step(rows[::-1])
        copy = trial.fork(rows[2])
        trial.step([*trial.texts])
        trial.step([copy, rows[1]])
        _check_hidden(trial, [*rows, copy])
        if "append" in trial.runner.abilities:
            trial.append([copy, rows[0]], [trial.text(3), trial.text(1)])
        if "rewind" in trial.runner.abilities:
            trial.extend(rows, [trial.text(count) for count in (2, 4, 1)])
            trial.rewind([*rows, copy], [1, 3, 0, 2])
            trial.step([*rows, copy])
        trial.drop([rows[1]])
        _check_hidden(trial, [rows[0], rows[2], copy])

    def test_what_it_cannot_do_is_refused(self, trial: Trial) -> None:
        """With `NotImplementedError`, as the methods of `Runner` themselves do: leave those as they are."""
        runner = trial.runner
        row, _ = trial.begin(trial.text(5), trial.text(5))
        calls: list[tuple[Ability, str, Callable[[], object]]] = [
            ("append", "append()", lambda: runner.append([row], [[1, 1]])),
            ("rewind", "extend()", lambda: runner.extend([row], [[1, 1]])),
            ("rewind", "rewind()", lambda: runner.rewind([row], [1])),
            ("hidden", "hidden()", lambda: runner.hidden(row)),
        ]
        lacking = [call for call in calls if call[0] not in runner.abilities]
        if not lacking:
            pytest.skip("it has every ability")
        for ability, name, use in lacking:
            try:
                use()
            except NotImplementedError:
                continue
            raise AssertionError(
                f"{name} works, or pretends to, and `abilities` does not name {ability!r}: name it there, or raise "
                "NotImplementedError"
            )
        trial.check_alive()


def _check_hidden(trial: Trial, rows: list[int]) -> None:
    """Each row has the states of its whole text, as the control has them where it is read alone."""
    for row in rows:
        text = trial.texts[row]
        given = trial.runner.hidden(row)
        form = f"{given.dtype}, {given.dim()} dimensions, {len(given)} tokens"
        assert form == f"{torch.float32}, 2 dimensions, {len(text)} tokens", (
            f"hidden() of a row of {len(text)} tokens after {trial.said()} gave {form}"
        )
        control, _ = trial.control.prefill([list(text)], keep_hidden=True)
        trial.check_close(given, trial.control.hidden(control[0]), f"the hidden states of row {row}")
        trial.control.drop(control)
