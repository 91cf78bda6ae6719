"""What a runner says of itself, and the form of what it gives."""

from __future__ import annotations

from typing import get_args

from zaoju.contracts import Ability, Runner
from zaoju.testing.requirements import pytest
from zaoju.testing.runners.base import RunnerChecks
from zaoju.testing.runners.trial import Trial

_LONG = 20

_CLEARLY = 10
"""So many times the tolerance is a difference that no check overlooks."""


class FormChecks(RunnerChecks):
    """Numbers that can be, and logits that say something."""

    def test_what_it_says_of_itself_can_be(self, trial: Trial) -> None:
        """Sizes, abilities, and what it says of memory."""
        runner = trial.runner
        if self.component is not None:
            registered = self.resolved().load(Runner)
            assert isinstance(runner, registered), f"open() gave a {type(runner).__name__}, not {registered.__name__}"
        for name in ("vocabulary_size", "context_length", "tokens_per_pass"):
            value = getattr(runner, name)
            assert type(value) is int and value > 0, f"{name} is {value!r}, which is no number above 0"
        strange = set(runner.abilities) - set(get_args(Ability))
        assert not strange, f"`abilities` names {sorted(strange)}; there are {', '.join(get_args(Ability))}"
        for name, more in (("row_bytes", 1), ("most_rows", -1)):
            short, long = (getattr(runner, name)(length) for length in (1, runner.context_length))
            both = short is not None and long is not None
            assert (short is None) == (long is None), f"{name}() gave {short} for short rows and {long} for long ones"
            assert not both or more * (long - short) >= 0, (
                f"{name}() gave {short} for rows of 1 token and {long} for {runner.context_length}: the other way round"
            )
        text = trial.text(_LONG)
        trial.begin(text)
        known = runner.known(text)
        assert 0 <= known < _LONG, f"known() says that {known} of {_LONG} tokens are read; the last one never is"

    def test_logits_have_their_form(self, trial: Trial) -> None:
        """[N, V] float32 for one row and for several, finite, and without gradients: `Trial` looks at every result."""
        one = trial.begin(trial.text(3))
        some = trial.begin(*map(trial.text, (1, 5)))
        trial.step(one)
        trial.step([*some, *one])

    def test_logits_depend_on_the_text(self, trial: Trial) -> None:
        """Else no other check could see a difference."""
        text = trial.text(6)
        differing = {
            "its last token": [*text[:-1], trial.other_than(text[-1])],
            "the token before its last": [*text[:-2], trial.other_than(text[-2]), text[-1]],
        }
        most = _CLEARLY * trial.tolerance
        for what, other in differing.items():
            here, there = trial.expected(text), trial.expected(other)
            far = float((here - there).abs().max())
            assert far > most * max(1.0, float(here.abs().max())), (
                f"with another token as {what} no logit of a text of {len(text)} tokens moves by more than {far:.2g}: "
                "open a model with larger weights, or give a smaller tolerance, for these checks would see nothing"
            )

    def test_logits_are_those_of_the_reference(self, trial: Trial) -> None:
        """Where the test knows the logits from elsewhere."""
        for length in (1, 2, 7, _LONG):
            text = trial.text(length)
            known = self.reference(text)
            if known is None:
                pytest.skip("the test has no reference(tokens)")
            rows, logits = trial.prefill([text])
            trial.check_close(logits[0], known.to(logits), "its logits, beside those of the reference,")
            trial.drop(rows)
