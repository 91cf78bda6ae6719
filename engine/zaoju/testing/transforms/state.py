"""States: what `init_state` and `observe` must keep to, so that the engine can fork texts and take tokens back."""

from __future__ import annotations

import torch

from zaoju.contracts import Columns, Transform
from zaoju.testing.decoding_rows import Rows, same_bits
from zaoju.testing.global_state import generator_states
from zaoju.testing.requirements import pytest
from zaoju.testing.transforms.base import TransformRows, apply, best_tokens, check_states, evenly, observe

_LONG = 6


class StateChecks(TransformRows):
    """Skipped for a transform without a state."""

    def test_who_observes_has_a_state(self, transform: Transform, rows: Rows) -> None:
        """`observe` is only called where `init_state` gives something."""
        idle = not rows.rows[0].state and type(transform).observe is not Transform.observe
        assert not idle, "it has observe(), which is never called, as init_state() gives no state"

    def test_a_state_begins_with_the_row_alone(self, transform: Transform, rows: Rows) -> None:
        """The first state of a row is the same alone and among others, and the options are not written to."""
        some = _stateful(rows)
        columns = some.columns()
        together = transform.init_state(columns)
        _check_same(columns, some.columns(), "init_state() wrote to options")
        for number in range(len(some)):
            alone = transform.init_state(some.take([number]).columns())
            _check_same(alone, _cut(together, [number]), "init_state() gives a row another state alone: in")

    def test_observing_changes_nothing_that_it_is_given(self, transform: Transform, rows: Rows) -> None:
        """Nor does it remember: the second call, and a new object, give the same bits."""
        some = _stateful(rows)
        after = apply(transform, some)
        tokens = best_tokens(after)
        given = {"tokens": tokens, "before": some.logits, "after": after, **_named(some)}
        before = {name: tensor.clone() for name, tensor in given.items()}
        state = {name: given[f"state[{name!r}]"] for name in some.state()}
        columns = {name: given[f"options[{name!r}]"] for name in some.columns()}
        generators = generator_states()
        first = transform.observe(state, tokens, given["before"], after, columns)
        assert generator_states() == generators, "observe() draws from or seeds a global generator"
        changed = [name for name, tensor in given.items() if not same_bits(tensor, before[name])]
        assert not changed, f"observe() wrote to its input: {', '.join(changed)}"
        for again in (transform, self.create(Transform)):
            _check_same(observe(again, some, tokens, after), first, "observe() gave other bits for the same call: in")

    def test_observing_does_not_look_across_rows(self, transform: Transform, rows: Rows) -> None:
        """Each row alone, and all in another order."""
        some = _stateful(rows)
        after = apply(transform, some)
        tokens = best_tokens(after, rank=1)
        together = observe(transform, some, tokens, after)
        for order in ([*reversed(range(len(some)))], *([number] for number in range(len(some)))):
            part = observe(transform, some.take(order), tokens[order], after[order])
            _check_same(part, _cut(together, order), "observed in other company, a row gets another state: in")

    def test_a_fork_goes_on_by_itself(self, transform: Transform, rows: Rows) -> None:
        """Two texts go on from one; and a token that is taken back leaves no trace."""
        root = _stateful(rows)
        after = apply(transform, root)
        one, other = best_tokens(after), best_tokens(after, rank=1)
        first = root.with_state(observe(transform, root, one, after))
        kept = {name: tensor.clone() for name, tensor in first.state().items()}
        further = apply(transform, first)
        longer = observe(transform, first, best_tokens(further), further)
        second = observe(transform, root, other, after)
        _check_same(first.state(), kept, "after others went on, a fork is another: in")
        _check_same(observe(transform, root, one, after), kept, "a token that was taken back left a trace: in")
        again = root.with_state(kept)
        _check_same(apply_bits(transform, again), {"logits": further}, "a state that was kept gives other logits: in")
        _check_same(
            observe(transform, again, best_tokens(further), further),
            longer,
            "a state that was kept goes on otherwise: in",
        )
        _check_same(observe(transform, root, other, after), second, "a fork cannot be had again: in")

    def test_states_keep_their_form(self, transform: Transform, rows: Rows) -> None:
        """After many tokens types and shapes are as before, and no state has become NaN."""
        some = _stateful(rows)
        first = some.state()
        check_states(transform.init_state(some.columns()), first, "init_state()")
        for step in range(_LONG):
            after = apply(transform, some)
            some = some.with_state(observe(transform, some, best_tokens(after, rank=step % 2), after))
        broken = [name for name, tensor in some.state().items() if tensor.isnan().any()]
        assert not broken, f"a state became NaN: {', '.join(broken)}"


def apply_bits(transform: Transform, rows: Rows) -> Columns:
    """What `apply` gives, in the form of a state."""
    return {"logits": apply(transform, rows)}


def _stateful(rows: Rows) -> Rows:
    if not rows.rows[0].state:
        pytest.skip("it has no state")
    return evenly(rows, 60)


def _named(rows: Rows) -> dict[str, torch.Tensor]:
    states = {f"state[{name!r}]": tensor for name, tensor in rows.state().items()}
    return states | {f"options[{name!r}]": column for name, column in rows.columns().items()}


def _cut(state: Columns, order: list[int]) -> Columns:
    return {name: tensor[order] for name, tensor in state.items()}


def _check_same(given: Columns, expected: Columns, complaint: str) -> None:
    assert set(given) == set(expected), f"{complaint} {sorted(given)} instead of {sorted(expected)}"
    other = [name for name in given if not same_bits(given[name], expected[name])]
    assert not other, f"{complaint} {', '.join(other)}"
