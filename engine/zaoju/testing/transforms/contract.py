"""The kit for transforms."""

from __future__ import annotations

import torch

from zaoju.contracts import Transform
from zaoju.testing.component import ComponentContract
from zaoju.testing.decoding_rows import WIDTH, Rows, logit_cases, make_rows, same_bits
from zaoju.testing.global_state import default_dtype, generator_states, other_seeds, settings
from zaoju.testing.requirements import pytest
from zaoju.testing.transform_options import settings_to_try


class TransformContract(ComponentContract):
    """Checks a `zaoju.Transform` on rows of every sort, each with options of its own, extreme ones among them.

    ```python
    class TestMyStrategy(TransformContract):
        component = "my_strategy"
    ```

    With `make = MyStrategy` instead, write `options = MyOptions()` too, as the class does not name its model.
    """

    kind = "transform"

    @pytest.fixture(scope="class")
    @classmethod
    def transform(cls) -> Transform:
        """The transform that is checked."""
        return cls.create(Transform)

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, transform: Transform) -> Rows:
        """Every row of logits with every setting that the options allow."""
        return make_rows(logit_cases(), cls.settings(transform))

    @classmethod
    def settings(cls, transform: Transform) -> list[dict[str, float]]:
        """The settings of the options that are tried; the first is the neutral one."""
        model = cls.model()
        assert set(model.model_fields) == set(transform.neutral), (
            f"the options are {sorted(model.model_fields)}, and `neutral` has {sorted(transform.neutral)}: "
            "each option needs a neutral value (with `make`, also write `options = MyOptions()`)"
        )
        return settings_to_try(model, transform.neutral)

    def test_options_and_neutral_values_agree(self, transform: Transform) -> None:
        """Each option has a neutral value, and a user may write it."""
        _, defaults, *_ = self.settings(transform)
        self.model().model_validate(dict(transform.neutral))
        for name, value in transform.neutral.items():
            default = defaults[name]
            same = isinstance(default, int) == isinstance(value, int)
            assert same, f"neutral[{name!r}] is {value!r}, and the default {default!r}: both whole numbers, or neither"

    def test_shape_and_type_stay(self, transform: Transform, rows: Rows) -> None:
        """[N, V] float32 in, [N, V] float32 out, also for a single row."""
        for some in (rows, rows.take([0])):
            given = _apply(transform, some)
            assert given.shape == some.logits.shape, f"gave {list(given.shape)} for {list(some.logits.shape)}"
            assert given.dtype == torch.float32, f"gave {given.dtype} for float32"

    def test_the_input_is_not_changed(self, transform: Transform, rows: Rows) -> None:
        """Neither the logits nor the options nor the history: write to a new tensor."""
        copy = rows.copy()
        transform.apply(copy.logits, copy.columns, copy.context)
        before = rows.tensors()
        changed = [name for name, tensor in copy.tensors().items() if not same_bits(tensor, before[name])]
        assert not changed, f"apply() wrote to its input: {', '.join(changed)}"

    def test_the_same_call_gives_the_same_bits(self, transform: Transform, rows: Rows) -> None:
        """From the same object and from a new one: a transform holds no state."""
        first = _apply(transform, rows)
        _check_rows(rows, _apply(transform, rows), first, "the second call gives other bits")
        _check_rows(rows, _apply(self.create(Transform), rows), first, "a new object gives other bits")

    def test_no_global_generator_is_used(self, transform: Transform, rows: Rows) -> None:
        """Random numbers come from `context.random` alone, so that a seed gives the same text in any batch."""
        before = generator_states()
        first = _apply(transform, rows)
        moved = [name for name, state in generator_states().items() if state != before[name]]
        assert not moved, f"apply() draws from or seeds the global generator of {', '.join(moved)}"
        with other_seeds(99):
            _check_rows(rows, _apply(transform, rows), first, "another global seed gives other bits")

    def test_global_settings_do_not_matter(self, transform: Transform, rows: Rows) -> None:
        """apply() changes none, and gives the same where a program has set another default type."""
        before = settings()
        first = _apply(transform, rows)
        changed = [name for name, value in settings().items() if value != before[name]]
        assert not changed, f"apply() changes torch's global setting: {', '.join(changed)}"
        with default_dtype(torch.float64):
            _check_rows(rows, _apply(transform, rows), first, "with float64 as default type it gives other bits")

    def test_rows_do_not_see_one_another(self, transform: Transform, rows: Rows) -> None:
        """Each row alone, and all in another order, bit for bit: rows come from different requests."""
        together = _apply(transform, rows)
        backwards = list(reversed(range(len(together))))
        _check_rows(
            rows, _apply(transform, rows.take(backwards))[backwards], together, "in another order a row is another"
        )
        alone = torch.cat([_apply(transform, rows.take([number])) for number in range(len(together))])
        _check_rows(rows, alone, together, "alone, a row is another than among others")

    def test_padding_of_the_history_is_not_seen(self, transform: Transform, rows: Rows) -> None:
        """What is not `valid` is arbitrary."""
        first = _apply(transform, rows)
        _check_rows(rows, _apply(transform, rows.with_other_padding()), first, "it reads history that is not valid")

    def test_the_neutral_value_changes_nothing(self, transform: Transform, rows: Rows) -> None:
        """Bit for bit, alone and among rows that are changed."""
        neutral = make_rows(logit_cases(), self.settings(transform)[:1])
        _check_rows(neutral, _apply(transform, neutral), neutral.logits, "neutral options change the row")
        count = len(self.settings(transform))
        idle = rows.take(list(range(0, len(rows.names), count)))
        among_others = _apply(transform, rows)[::count]
        _check_rows(idle, among_others, idle.logits, "neutral options change the row among others")

    def test_no_row_is_emptied(self, transform: Transform, rows: Rows) -> None:
        """At least one token must be left to choose."""
        _check_each(rows, _apply(transform, rows).isfinite().any(dim=1), "no token is left")

    def test_removed_tokens_stay_removed(self, transform: Transform, rows: Rows) -> None:
        """-inf stays -inf, whoever removed the token before."""
        removed = rows.logits.isneginf()
        still = _apply(transform, rows).isneginf()
        _check_each(rows, (still | ~removed).all(dim=1), "a removed token is back")

    def test_nothing_is_not_a_number(self, transform: Transform, rows: Rows) -> None:
        """Neither NaN nor +inf comes out."""
        given = _apply(transform, rows)
        _check_each(rows, ~(given.isnan() | given.isposinf()).any(dim=1), "NaN or +inf comes out")

    def test_a_vocabulary_of_one_token(self, transform: Transform) -> None:
        """The smallest vocabulary there is."""
        rows = make_rows({"one token": torch.tensor([-3.0])}, self.settings(transform))
        _check_each(rows, _apply(transform, rows).isfinite().all(dim=1), "the only token is gone")

    def test_keeps_argmax_is_true(self, transform: Transform, rows: Rows) -> None:
        """Where it says `keeps_argmax`, the most probable token stays the most probable."""
        if not transform.keeps_argmax:
            pytest.skip("it does not say keeps_argmax")
        given = _apply(transform, rows)
        best = given.gather(1, rows.logits.argmax(dim=1, keepdim=True)).squeeze(1)
        _check_each(rows, best == given.amax(dim=1), "the most probable token is another now")


def _apply(transform: Transform, rows: Rows) -> torch.Tensor:
    """On a copy, so that a transform that writes to its input fails the check that is about that."""
    copy = rows.copy()
    return transform.apply(copy.logits, copy.columns, copy.context)


def _check_rows(rows: Rows, given: torch.Tensor, expected: torch.Tensor, complaint: str) -> None:
    assert given.shape == expected.shape, f"{complaint}: {list(given.shape)} instead of {list(expected.shape)}"
    equal = [same_bits(one, other) for one, other in zip(given, expected, strict=True)]
    _check_each(rows, torch.tensor(equal), complaint)


def _check_each(rows: Rows, fine: torch.Tensor, complaint: str) -> None:
    wrong = [name for name, good in zip(rows.names, fine.tolist(), strict=True) if not good]
    assert not wrong, f"{complaint}, in {len(wrong)} of {len(rows.names)} rows of {WIDTH} tokens, first: {wrong[0]}"
