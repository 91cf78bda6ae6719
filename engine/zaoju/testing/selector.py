"""The kit for selectors."""

from __future__ import annotations

import torch

from zaoju.contracts import Selector, StepContext
from zaoju.testing.component import ComponentContract
from zaoju.testing.decoding_rows import Rows, logit_cases, make_rows, same_bits
from zaoju.testing.global_state import generator_states, other_seeds
from zaoju.testing.requirements import pytest

_DRAWS = 200
_SMALLEST, _LARGEST = 2.0**-53, 1 - 2.0**-53


class SelectorContract(ComponentContract):
    """Checks a `zaoju.Selector`: it never takes a removed token, and its choice is a function of the row alone.

    ```python
    class TestMyChoice(SelectorContract):
        component = "my_choice"
    ```
    """

    kind = "selector"

    @pytest.fixture(scope="class")
    @classmethod
    def selector(cls) -> Selector:
        """The selector that is checked."""
        return cls.create(Selector)

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Rows:
        """Every row of logits many times over, each time with another seed."""
        return make_rows(logit_cases(), [{}] * _DRAWS)

    def test_one_token_id_per_row(self, selector: Selector, rows: Rows) -> None:
        """[N] int64, each below V."""
        for some in (rows, rows.take([0]), make_rows({"one token": torch.tensor([-3.0])}, [{}] * 3)):
            tokens = _select(selector, some)
            count, width = some.logits.shape
            assert tokens.shape == (count,), f"gave {list(tokens.shape)} for {count} rows"
            assert tokens.dtype == torch.int64, f"gave {tokens.dtype}; token ids are int64"
            assert ((tokens >= 0) & (tokens < width)).all(), f"gave an id outside 0 to {width - 1}"

    def test_a_removed_token_is_never_chosen(self, selector: Selector, rows: Rows) -> None:
        """Not even by the smallest or the largest random number."""
        _check_chosen(rows, _select(selector, rows), "a token at -inf was chosen")
        for extreme in (_SMALLEST, _LARGEST):
            context = _with_numbers(rows, extreme)
            _check_chosen(rows, selector.select(rows.logits.clone(), context), f"-inf was chosen by {extreme}")

    def test_the_input_is_not_changed(self, selector: Selector, rows: Rows) -> None:
        """Neither the logits nor the history."""
        copy = rows.copy()
        selector.select(copy.logits, copy.context)
        before = rows.tensors()
        changed = [name for name, tensor in copy.tensors().items() if not same_bits(tensor, before[name])]
        assert not changed, f"select() wrote to its input: {', '.join(changed)}"

    def test_the_same_seed_and_index_give_the_same_token(self, selector: Selector, rows: Rows) -> None:
        """From the same object and from a new one: a selector holds no state."""
        first = _select(selector, rows)
        assert torch.equal(_select(selector, rows), first), "the second call chose other tokens"
        assert torch.equal(_select(self.create(Selector), rows), first), "a new object chose other tokens"

    def test_no_global_generator_is_used(self, selector: Selector, rows: Rows) -> None:
        """Random numbers come from `context.random` alone."""
        before = generator_states()
        first = _select(selector, rows)
        moved = [name for name, state in generator_states().items() if state != before[name]]
        assert not moved, f"select() draws from or seeds the global generator of {', '.join(moved)}"
        with other_seeds(99):
            assert torch.equal(_select(selector, rows), first), "another global seed chose other tokens"

    def test_rows_do_not_see_one_another(self, selector: Selector, rows: Rows) -> None:
        """Each row alone, and all in another order: rows come from different requests."""
        together = _select(selector, rows)
        backwards = list(reversed(range(len(together))))
        assert torch.equal(_select(selector, rows.take(backwards))[backwards], together), "order changes the choice"
        some = range(0, len(together), 17)
        alone = torch.cat([_select(selector, rows.take([number])) for number in some])
        assert torch.equal(alone, together[list(some)]), "alone, a row gets another token than among others"


def _select(selector: Selector, rows: Rows) -> torch.Tensor:
    """On a copy, so that a selector that writes to its input fails the check that is about that."""
    copy = rows.copy()
    return selector.select(copy.logits, copy.context)


def _with_numbers(rows: Rows, number: float) -> StepContext:
    """The context in which every random number is `number`."""
    given = rows.context
    numbers = torch.full((len(rows.names),), number, dtype=torch.float64)
    return StepContext(given.index, given.history, given.vocabulary_size, given.end_of_text, lambda stream: numbers)


def _check_chosen(rows: Rows, tokens: torch.Tensor, complaint: str) -> None:
    left = rows.logits.gather(1, tokens.unsqueeze(1)).squeeze(1).isfinite().tolist()
    wrong = [name for name, fine in zip(rows.names, left, strict=True) if not fine]
    assert not wrong, f"{complaint} in {len(wrong)} of {len(left)} rows, first: {wrong[0]}"
