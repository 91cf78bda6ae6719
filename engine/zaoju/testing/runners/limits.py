"""The ends of a context and of memory: usable to the last token, and loud beyond it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from zaoju.errors import CacheFullError, UserError
from zaoju.testing.reachable import reachable
from zaoju.testing.requirements import pytest
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_MOST_ROWS_TRIED = 300
_FAILURES = 40
_SHORT = 6


class LimitChecks(RunnerChecks):
    """What cannot be is refused, and every row is as it was."""

    def test_the_whole_context_can_be_used(self, trial: Trial) -> None:
        """By a prompt, and by a row that grows up to it beside a short one."""
        context = trial.runner.context_length
        full, growing, short = trial.begin(trial.text(context), trial.text(context - 3), trial.text(2))
        for _ in range(3):
            trial.step([growing, short])
        trial.drop([full])
        trial.check_alive()

    def test_one_token_more_is_refused(self, trial: Trial) -> None:
        """With `ValueError` or `UserError`, also among rows that have room, and those are as they were."""
        runner = trial.runner
        full, short, nearly = trial.begin(
            *(trial.text(length) for length in (runner.context_length, 4, runner.context_length - 1))
        )
        _check_refused("a step of a full row", partial(runner.step, [full], [1]))
        _check_refused("a step of a short row and a full one", partial(runner.step, [short, full], [1, 1]))
        if "append" in runner.abilities:
            _check_refused("two tokens for one place", partial(runner.append, [short, nearly], [[1], [1, 1]]))
        if "rewind" in runner.abilities:
            _check_refused("two tokens for one place", partial(runner.extend, [short, nearly], [[1], [1, 1]]))
        trial.check_alive([short])
        trial.check_alive([short, nearly])
        if "rewind" in runner.abilities:
            trial.rewind([full], [1])
            trial.check_alive([full, short])

    def test_a_refused_prompt_leaves_no_row(self, trial: Trial) -> None:
        """A prompt longer than the context among good ones: none of them begins, and nothing is kept of them."""
        runner = trial.runner
        trial.begin(trial.text(5), trial.text(2))
        texts = [trial.text(length) for length in (3, runner.context_length + 1, 6)]
        held = []
        for _ in range(_FAILURES):
            _check_refused("a prompt that is one token too long", partial(runner.prefill, texts))
            held.append(reachable(runner))
        assert held[-1] - held[_FAILURES // 4] < _FAILURES // 2, (
            f"it holds {held[-1]:,} objects after {_FAILURES} prompts that were refused, and "
            f"{held[_FAILURES // 4]:,} after {_FAILURES // 4}: drop the rows that prefill() had begun, then raise"
        )
        trial.check_alive()
        trial.begin(texts[0], texts[2])
        trial.check_alive()

    def test_promised_memory_is_there(self, trial: Trial) -> None:
        """As many rows live at once as `most_rows` says, of the length that it was asked for; and again later."""
        rows = _filled(trial)
        trial.drop(rows)
        assert len(_filled(trial)) == len(rows)

    def test_a_full_memory_changes_nothing(self, trial: Trial) -> None:
        """`CacheFullError`, and every row is as it was; when some end, there is room again."""
        promised = len(_filled(trial))
        most = 4 * promised + 16
        try:
            for _ in range(most):
                trial.begin(trial.text(_SHORT))
            pytest.skip(f"it promises memory for {promised} rows, and has it for more than {most}")
        except CacheFullError:
            held = reachable(trial.runner)
        for _ in range(_FAILURES):
            with pytest.raises(CacheFullError):
                trial.runner.prefill([trial.text(_SHORT)])
        assert reachable(trial.runner) - held < _FAILURES, "it keeps something of every prompt that finds no memory"
        alive = list(trial.texts)
        # Half of them: where all rows are given the room of the longest, one that grows asks it for every other too.
        trial.drop(alive[: len(alive) // 2])
        trial.begin(trial.text(3))
        for row in alive[len(alive) // 2 :]:
            trial.step([row])
            trial.drop([row])


def _filled(trial: Trial) -> list[int]:
    """As many short rows as the runner promises."""
    promised = trial.runner.most_rows(_SHORT)
    if promised is None:
        pytest.skip("nothing bounds its rows")
    if promised > _MOST_ROWS_TRIED:
        pytest.skip(f"{promised:,} rows are many: let open() give it less memory, and this is checked too")
    rows = [row for _ in range(promised) for row in trial.begin(trial.text(_SHORT - 1))]
    for start in range(0, promised, 16):
        trial.step(rows[start : start + 16])
    return rows


def _check_refused(what: str, call: Callable[[], object]) -> None:
    try:
        call()
    except (ValueError, UserError):
        return
    raise AssertionError(f"{what} was taken: raise ValueError before anything is changed")
