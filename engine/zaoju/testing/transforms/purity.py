"""Purity, and rows that do not see one another."""

from __future__ import annotations

from dataclasses import replace

import torch

from zaoju.contracts import Transform
from zaoju.plugins import PluginManager
from zaoju.testing.byte_table import ByteTable
from zaoju.testing.decoding_rows import Rows, same_bits, tensors_of
from zaoju.testing.global_state import default_dtype, generator_states, other_seeds, settings
from zaoju.testing.requirements import pytest
from zaoju.testing.transforms.base import TransformRows, apply, best_tokens, check_rows, evenly, observe

_ALONE = 120
_DRAFTED = 3


class PurityChecks(TransformRows):
    """`apply` is a function of one row."""

    def test_the_input_is_not_changed(self, transform: Transform, rows: Rows) -> None:
        """Neither the logits nor the options, the history or the state: write to a new tensor."""
        logits, columns, context = rows.logits, rows.columns(), rows.context()
        given = tensors_of(logits, columns, context)
        before = {name: tensor.clone() for name, tensor in given.items()}
        transform.apply(logits, columns, context)
        changed = [name for name, tensor in given.items() if not same_bits(tensor, before[name])]
        assert not changed, f"apply() wrote to its input: {', '.join(changed)}"

    def test_the_same_call_gives_the_same_bits(self, transform: Transform, rows: Rows) -> None:
        """From the same object and from a new one: a transform keeps nothing in `self`."""
        first = apply(transform, rows)
        check_rows(rows, apply(transform, rows), first, "the second call gives other bits")
        check_rows(rows, apply(self.create(Transform), rows), first, "a new object gives other bits")

    def test_no_global_generator_is_used(self, transform: Transform, rows: Rows) -> None:
        """Random numbers come from `context.random` alone, so that a seed gives the same text in any batch."""
        before = generator_states()
        first = apply(transform, rows)
        moved = [name for name, state in generator_states().items() if state != before[name]]
        assert not moved, f"apply() draws from or seeds the global generator of {', '.join(moved)}"
        with other_seeds(99):
            check_rows(rows, apply(transform, rows), first, "another global seed gives other bits")

    def test_random_numbers_are_its_own(self, transform: Transform, rows: Rows) -> None:
        """A stream that the selector or another transform uses would tie its chances to theirs."""
        asked: list[str] = []

        def listening(stream: str) -> torch.Tensor:
            asked.append(stream)
            return rows.numbers(stream)

        transform.apply(rows.logits, rows.columns(), rows.context(listening))
        own = f"{type(transform).__module__}:{type(transform).__qualname__}"
        offers = [offer.component for offer in PluginManager.discover().offers()]
        others = {one.name for one in offers} - {one.name for one in offers if one.target == own}
        shared = sorted(set(asked) & others)
        assert not shared, f"apply() takes random numbers of the stream {shared}, which belongs to another component"

    def test_global_settings_do_not_matter(self, transform: Transform, rows: Rows) -> None:
        """apply() changes none, and gives the same where a program has set another default type."""
        before = settings()
        first = apply(transform, rows)
        changed = [name for name, value in settings().items() if value != before[name]]
        assert not changed, f"apply() changes torch's global setting: {', '.join(changed)}"
        logits, columns, context = rows.logits, rows.columns(), rows.context()
        with default_dtype(torch.float64):
            there = transform.apply(logits, columns, context)
        check_rows(rows, there, first, "with float64 as default type it gives other bits")

    def test_preparing_is_pure(self, transform: Transform, rows: Rows) -> None:
        """Equal options and prompts give equal tensors, and nothing is written to what is given."""
        before, table = generator_states(), ByteTable()
        for row in evenly(rows, 60).rows:
            options, prompt = dict(row.options), list(row.tokens[: row.prompt_length])
            again = transform.prepare(options, prompt, table)
            assert options == row.options and prompt == [*row.tokens[: row.prompt_length]], (
                "prepare() wrote to its options or to the prompt"
            )
            same = set(again) == set(row.prepared) and all(same_bits(again[name], row.prepared[name]) for name in again)
            assert same, f"prepare() gave other tensors the second time, for {options}"
            homeless = [name for name, tensor in again.items() if tensor.device.type != "cpu"]
            assert not homeless, f"prepare() must leave its tensors on the CPU: {', '.join(homeless)}"
        assert generator_states() == before, "prepare() draws from or seeds a global generator"


class RowChecks(TransformRows):
    """Rows come from different requests, or from different places of one text."""

    def test_rows_do_not_see_one_another(self, transform: Transform, rows: Rows) -> None:
        """Each row alone, and all in another order, bit for bit."""
        together = apply(transform, rows)
        backwards = list(reversed(range(len(rows))))
        check_rows(
            rows, apply(transform, rows.take(backwards))[backwards], together, "in another order a row is another"
        )
        some = range(0, len(rows), -(-len(rows) // _ALONE))
        alone = torch.cat([apply(transform, rows.take([number])) for number in some])
        check_rows(rows.take(some), alone, together[list(some)], "alone, a row is another than among others")

    def test_padding_of_the_history_is_not_seen(self, transform: Transform, rows: Rows) -> None:
        """What is not `valid` is arbitrary."""
        other = Rows(rows.rows, filler=len(rows.rows[0].logits) - 1, spare=3)
        first = apply(transform, rows)
        check_rows(rows, apply(transform, other), first, "it reads history that is not valid")

    def test_padding_of_prepared_tensors_is_not_seen(self, transform: Transform, rows: Rows) -> None:
        """Lists of other requests may be longer: -1, 0 and False at the end mean nothing."""
        if not rows.rows[0].prepared:
            pytest.skip("it prepares nothing")
        first = apply(transform, rows)
        more = apply(transform, Rows(rows.rows, prepared_spare=2))
        check_rows(rows, more, first, "it reads the padding of prepared tensors")

    def test_places_of_one_text_are_rows(self, transform: Transform, rows: Rows) -> None:
        """One call for a text and its drafts gives what one call after the other gives."""
        some = evenly(rows, 40)
        steps, given = [some], [apply(transform, some)]
        for _ in range(_DRAFTED):
            steps.append(_next_place(transform, steps[-1], given[-1]))
            given.append(apply(transform, steps[-1]))
        places = Rows(tuple(row for of_text in zip(*(step.rows for step in steps), strict=True) for row in of_text))
        check_rows(
            places,
            apply(transform, places),
            torch.stack(given, dim=1).flatten(0, 1),
            "the places of a text in one call are other than one after the other",
        )


def _next_place(transform: Transform, rows: Rows, after: torch.Tensor) -> Rows:
    """The rows one token on, with other logits."""
    tokens = best_tokens(after)
    later = observe(transform, rows, tokens, after) if rows.rows[0].state else {}
    moved = (
        replace(row, tokens=(*row.tokens, token), index=row.index + 1, logits=row.logits.roll(1))
        for row, token in zip(rows.rows, tokens.tolist(), strict=True)
    )
    return Rows(tuple(moved)).with_state(later)
