"""The kit for selectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch

from zaoju.config import resolve_decoding
from zaoju.contracts import Selector
from zaoju.testing.chi_squared import check_counts
from zaoju.testing.component import ComponentContract
from zaoju.testing.decoding_rows import Row, Rows, same_bits, tensors_of
from zaoju.testing.engines import decoding_engine
from zaoju.testing.global_state import generator_states, other_seeds
from zaoju.testing.in_company import check_everywhere, requests_of
from zaoju.testing.logit_cases import logit_cases, make_rows
from zaoju.testing.requirements import pytest

_DRAWS = 60
_SMALLEST, _LARGEST = 2.0**-53, 1 - 2.0**-53
_LAW = (0.3, 0.2, 0.15, 0.15, 0.1, 0.05, 0.03, 0.015, 0.004, 0.001)
_WIDE = 50_000


class SelectorContract(ComponentContract):
    """Checks a `zaoju.Selector`: it never takes a removed token, its choice is a function of the row alone, and it
    draws by the probabilities.

    ```python
    class TestMyChoice(SelectorContract):
        component = "my_choice"
    ```
    """

    kind = "selector"

    draws: ClassVar[bool | None] = True
    """False for one that takes the most probable token, the lowest id among equals; None for one with a rule of its
    own, which the kit cannot know."""

    @pytest.fixture(scope="class")
    @classmethod
    def selector(cls) -> Selector:
        """The selector that is checked."""
        return cls.create(Selector)

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> Rows:
        """Every row of logits many times over, each time with another seed."""
        return Rows(make_rows(logit_cases(), [{}] * _DRAWS))

    def test_one_token_id_per_row(self, selector: Selector, rows: Rows) -> None:
        """[N] int64, each below V."""
        for some in (rows, rows.take([0]), Rows(make_rows({"one token": torch.tensor([-3.0])}, [{}] * 3))):
            tokens = _select(selector, some)
            count, width = some.logits.shape
            assert tokens.shape == (count,), f"gave {list(tokens.shape)} for {count} rows"
            assert tokens.dtype == torch.int64, f"gave {tokens.dtype}; token ids are int64"
            assert ((tokens >= 0) & (tokens < width)).all(), f"gave an id outside 0 to {width - 1}"

    def test_a_removed_token_is_never_chosen(self, selector: Selector, rows: Rows) -> None:
        """Not even by the smallest or the largest random number."""
        _check_chosen(rows, _select(selector, rows), "a token at -inf was chosen")
        for extreme in (_SMALLEST, _LARGEST):
            numbers = torch.full((len(rows),), extreme, dtype=torch.float64)
            tokens = selector.select(rows.logits, rows.context(partial(_always, numbers)))
            _check_chosen(rows, tokens, f"-inf was chosen by {extreme}")

    def test_the_input_is_not_changed(self, selector: Selector, rows: Rows) -> None:
        """Neither the logits nor the history."""
        logits, context = rows.logits, rows.context()
        given = tensors_of(logits, {}, context)
        before = {name: tensor.clone() for name, tensor in given.items()}
        selector.select(logits, context)
        changed = [name for name, tensor in given.items() if not same_bits(tensor, before[name])]
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

    def test_one_that_does_not_draw_takes_the_best(self, selector: Selector, rows: Rows) -> None:
        """The lowest id among equals, whatever the seed is."""
        if self.draws is not False:
            pytest.skip("it does not take the most probable token")
        best = torch.tensor([row.logits.tolist().index(row.logits.max().item()) for row in rows.rows])
        wrong = [row.name for row, fine in zip(rows.rows, _select(selector, rows) == best, strict=True) if not fine]
        assert not wrong, f"another token than the most probable, first of its equals, was taken, first: {wrong[:1]}"

    def test_tokens_come_as_often_as_they_are_probable(self, selector: Selector) -> None:
        """One row of logits, and many seeds."""
        _check_law(_drawn(self, selector, [(seed, 0) for seed in range(20_000)]), "tokens of many seeds")

    def test_tokens_of_one_text_are_independent(self, selector: Selector) -> None:
        """A token says nothing of the one after it."""
        places = [(seed, index) for seed in range(10_000) for index in (0, 1)]
        _check_pairs(_drawn(self, selector, places), "a token and the next of the same text")

    def test_texts_of_neighbouring_seeds_are_independent(self, selector: Selector) -> None:
        """Seeds are often 1, 2, 3."""
        same = [(seed, 7) for seed in range(20_000)]
        _check_pairs(_drawn(self, selector, same), "tokens at one place of a seed and the next one")
        shifted = [place for seed in range(10_000) for place in ((seed, 1), (seed + 1, 0))]
        _check_pairs(_drawn(self, selector, shifted), "a token of one seed and the token before it of the next one")

    def test_rare_tokens_of_a_large_vocabulary_come_too(self, selector: Selector) -> None:
        """Half of the probability lies on 50,000 tokens: as often as it should, and all over them."""
        if not self.draws:
            pytest.skip("it does not draw")
        logits = torch.zeros(_WIDE)
        logits[3] = torch.tensor(float(_WIDE - 1)).log()
        chunks = [Rows(tuple(Row("", logits, seed=seed) for seed in range(at, at + 50))) for at in range(0, 600, 50)]
        drawn = [token for chunk in chunks for token in _select(selector, chunk).tolist()]
        rare = [token for token in drawn if token != 3]
        parts = [sum(token * 10 // _WIDE == part for token in rare) for part in range(10)]
        share = len(drawn) / 2 / 10
        check_counts([len(drawn) - len(rare), *parts], [len(drawn) / 2, *[share] * 10], "tokens of a large vocabulary")
        again = len(rare) - len(set(rare))
        assert again < 12, f"of {len(rare)} rare tokens {again} came again: the random numbers are too coarse"

    def test_a_text_is_the_same_in_any_company(self) -> None:
        """In an engine: alone, in batches, streamed, with drafts, and under a constraint that allows everything."""
        engine = decoding_engine(memory=1)
        plan = resolve_decoding(engine.plugins, {"chain": ["temperature"], "temperature": 0.5})
        requests = requests_of([replace(plan, selector=self.resolved())] * 3)
        check_everywhere(engine, requests)


def _always(numbers: torch.Tensor, stream: str) -> torch.Tensor:
    return numbers


def _select(selector: Selector, rows: Rows) -> torch.Tensor:
    return selector.select(rows.logits, rows.context())


def _drawn(kit: SelectorContract, selector: Selector, places: Sequence[tuple[int, int]]) -> list[int]:
    """The tokens that are drawn from one law at these pairs of seed and index."""
    if not kit.draws:
        pytest.skip("it does not draw")
    # A removed token at either end, which must never come.
    logits = torch.tensor([0.0, *_LAW, 0.0]).log()
    row = Row("", logits)
    drawn = _select(selector, Rows(tuple(replace(row, seed=seed, index=index) for seed, index in places))).tolist()
    assert 0 not in drawn and len(_LAW) + 1 not in drawn, "a token at -inf was drawn"
    return [token - 1 for token in drawn]


def _check_law(drawn: Sequence[int], what: str) -> None:
    counts = [drawn.count(token) for token in range(len(_LAW))]
    check_counts(counts, [share * len(drawn) for share in _LAW], what)


def _check_pairs(drawn: Sequence[int], what: str) -> None:
    """Every pair of neighbours, none of them twice, against independence."""
    pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
    cells = [(one, other) for one in range(len(_LAW)) for other in range(len(_LAW))]
    expected = [_LAW[one] * _LAW[other] * len(pairs) for one, other in cells]
    check_counts([pairs.count(cell) for cell in cells], expected, what)


def _check_chosen(rows: Rows, tokens: torch.Tensor, complaint: str) -> None:
    left = rows.logits.gather(1, tokens.unsqueeze(1)).squeeze(1).isfinite().tolist()
    wrong = [row.name for row, fine in zip(rows.rows, left, strict=True) if not fine]
    assert not wrong, f"{complaint} in {len(wrong)} of {len(left)} rows, first: {wrong[0]}"
