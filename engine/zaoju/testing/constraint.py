"""The kit for constraints."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch

from zaoju.config import resolve_decoding
from zaoju.contracts import Constraint, Matcher, Options, TokenTable
from zaoju.generation import Request
from zaoju.testing.byte_table import ByteTable
from zaoju.testing.component import ComponentContract
from zaoju.testing.engines import decoding_engine
from zaoju.testing.in_company import check_in_company
from zaoju.testing.requirements import pytest

_WALKS = 25
_LONGEST_WALK = 60


class ConstraintContract(ComponentContract):
    """Checks a `zaoju.Constraint` by texts that must and texts that must not be written under it.

    ```python
    class TestPhone(ConstraintContract):
        component = "phone"
        options = PhoneOptions(country="cn")
        examples = ["138 0000 0000"]
        counterexamples = ["138", "我的电话"]

        def matches(self, text):  # if you like: whether a text has the form
            ...
    ```

    Beginnings of texts are good counterexamples: they show that a text does not end too early.
    """

    kind = "constraint"

    examples: ClassVar[Sequence[str]] = ()
    """Texts that have the form; at least one."""

    counterexamples: ClassVar[Sequence[str]] = ()
    """Texts that do not; at least one."""

    def matches(self, text: str) -> bool:
        """Whether a text has the form, where an author can say it otherwise than by the constraint. Here: always."""
        return True

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls) -> TokenTable:
        """A vocabulary of bytes and a few words, with unused tokens at its end."""
        return ByteTable()

    @pytest.fixture(scope="class")
    @classmethod
    def beginning(cls, table: TokenTable) -> Matcher:
        """The matcher at the beginning; checks work on forks of it."""
        assert cls.examples and cls.counterexamples, (
            f"{cls.__name__} needs `examples` of texts that have the form, and `counterexamples` that do not"
        )
        constraint: Constraint[Options] = cls.build(Constraint)
        return constraint.compile(table)

    def test_the_mask_has_its_form(self, beginning: Matcher, table: TokenTable) -> None:
        """[V] bool on the CPU, the same as often as it is asked for."""
        matcher = beginning.fork()
        for token in [None, *table.encode(self.examples[0])]:
            if token is not None:
                matcher.accept(token)
            mask = matcher.allowed().clone()
            form = f"{mask.device.type} {mask.dtype} {list(mask.shape)}"
            assert form == f"cpu {torch.bool} [{table.size}]", f"allowed() gave {form} for {table.size} tokens"
            assert torch.equal(matcher.allowed(), mask), "asked again, allowed() gave another mask"

    def test_examples_can_be_written(self, beginning: Matcher, table: TokenTable) -> None:
        """Token by token, and the text may end where the example does."""
        for text in self.examples:
            refused = _refusal(beginning.fork(), table, text)
            assert refused is None, f"{text!r} is an example, and {refused}"

    def test_counterexamples_cannot_be_written(self, beginning: Matcher, table: TokenTable) -> None:
        """Some token of it is not allowed, or the text may not end there."""
        for text in self.counterexamples:
            refused = _refusal(beginning.fork(), table, text)
            assert refused is not None, f"{text!r} is a counterexample, and was written to its end"

    def test_forks_go_on_by_themselves(self, beginning: Matcher, table: TokenTable) -> None:
        """What one text does is nothing to another, and the beginning stays where it is."""
        first = beginning.allowed().clone()
        for text in self.examples:
            matcher = beginning.fork()
            for token in table.encode(text):
                before = matcher.allowed().clone()
                other = matcher.fork()
                matcher.accept(token)
                after = matcher.allowed().clone()
                assert torch.equal(other.allowed(), before), f"a fork moved when {token} was accepted elsewhere"
                other.accept(token)
                assert torch.equal(other.allowed(), after), "a fork that accepts the same tokens allows others"
                assert torch.equal(matcher.allowed(), after), "a matcher moved when its fork accepted a token"
            assert torch.equal(beginning.allowed(), first), "the matcher at the beginning moved with its fork"

    def test_only_tokens_with_text_are_allowed(self, beginning: Matcher, table: TokenTable) -> None:
        """Unused tokens, with which vocabularies are padded, never come; nor do other special ones."""
        textless = [
            token for token in range(table.size) if table.bytes_of(token) is None and token != table.end_of_text
        ]
        for mask in self._masks(beginning, table):
            wrong = [token for token in textless if mask[token]]
            assert not wrong, f"allows token {wrong[0]}, which has no text"

    def test_whatever_is_allowed_comes_to_have_the_form(self, beginning: Matcher, table: TokenTable) -> None:
        """Random walks along allowed tokens: some token may always come, and where the text ends it has the form."""
        ended = 0
        for seed in range(_WALKS):
            draw = random.Random(seed)
            matcher, written = beginning.fork(), b""
            for _ in range(_LONGEST_WALK):
                allowed = matcher.allowed().nonzero().flatten().tolist()
                assert allowed, f"after {written!r} no token may come, not even the end"
                if table.end_of_text in allowed and (len(allowed) == 1 or draw.random() < 0.5):
                    ended += 1
                    self._check_whole(written)
                    break
                token = draw.choice([token for token in allowed if token != table.end_of_text])
                written += table.bytes_of(token) or b""
                matcher.accept(token)
        if not ended:
            pytest.skip(f"no random text ended within {_LONGEST_WALK} tokens")

    def test_another_object_allows_the_same(self, beginning: Matcher, table: TokenTable) -> None:
        """The form depends on the options and the vocabulary alone."""
        constraint: Constraint[Options] = self.build(Constraint)
        others = [constraint.compile(table), constraint.compile(table)]
        for other in others:
            given, expected = self._masks(other, table), self._masks(beginning, table)
            same = all(torch.equal(one, two) for one, two in zip(given, expected, strict=True))
            assert same, "compiled again, it allows other tokens"

    def test_texts_of_an_engine_have_the_form(self) -> None:
        """Alone, in batches and streamed, greedy, drawn and by a beam; those that end by themselves have the form."""
        engine = decoding_engine(context_length=80)
        constraint = self.resolved()
        ways: list[dict[str, object]] = [{"strategy": "greedy"}, {"strategy": "nucleus"}, {"strategy": "beam"}]
        plans = [replace(resolve_decoding(engine.plugins, way), constraint=constraint) for way in ways]
        requests = [
            Request.from_plan(prompt, plan, seed=seed, max_new_tokens=60)
            for plan in plans
            for seed, prompt in enumerate(("", "我们说", "在家"))
        ]
        for text in check_in_company(engine, requests):
            if text.finish_reason == "end_of_text":
                self._check_whole(text.text.encode())

    def _check_whole(self, written: bytes) -> None:
        text = written.decode(errors="replace")
        assert self.matches(text), f"{text!r} may be the whole text, and does not have the form"

    def _masks(self, matcher: Matcher, table: TokenTable) -> list[torch.Tensor]:
        """The masks along all examples."""
        masks = []
        for text in self.examples:
            one = matcher.fork()
            masks.append(one.allowed().clone())
            for token in table.encode(text):
                one.accept(token)
                masks.append(one.allowed().clone())
        return masks


def _refusal(matcher: Matcher, table: TokenTable, text: str) -> str | None:
    """Why a text cannot be written to its end; None where it can."""
    written = b""
    for token in table.encode(text):
        if not matcher.allowed()[token]:
            return f"after {written.decode(errors='replace')!r} the token {table.bytes_of(token)!r} may not come"
        matcher.accept(token)
        written += table.bytes_of(token) or b""
    return None if matcher.allowed()[table.end_of_text] else "it may not end there"
