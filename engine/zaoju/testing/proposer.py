"""The kit for proposers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from zaoju.config import resolve_decoding
from zaoju.contracts import DraftRequest, Options, Proposer, TokenTable
from zaoju.generation import Engine, open_model
from zaoju.generation.token_table import TokenizerTable
from zaoju.generation.uniforms import uniform
from zaoju.plugins import PluginManager
from zaoju.testing.component import ComponentContract
from zaoju.testing.engines import decoding_engine
from zaoju.testing.in_company import check_with_drafts, requests_of
from zaoju.testing.reachable import reachable
from zaoju.testing.requirements import pytest

_ROOMS = (0, 1, 3, 20)


class ProposerContract(ComponentContract):
    """Checks a `zaoju.Proposer`: it proposes what can be, keeps nothing of a text that has ended, and changes no text.

    ```python
    class TestMyGuesses(ProposerContract):
        component = "my_guesses"
    ```

    A proposer that needs a certain vocabulary gets an engine that has it, by a classmethod `engine`.
    """

    kind = "proposer"

    @classmethod
    def engine(cls) -> Engine:
        """The engine that it proposes for; its runner must be able to take tokens back."""
        return decoding_engine(memory=1)

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Engine:
        """The one engine of all checks."""
        return cls.engine()

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls, served: Engine) -> TokenTable:
        """The engine's vocabulary."""
        tokenizer = served.tokenizer
        return TokenizerTable(tokenizer, min(served.runner.vocabulary_size, tokenizer.vocabulary_size))

    @classmethod
    def opened(cls, table: TokenTable) -> Proposer[Options]:
        """A new proposer that is ready for the vocabulary."""
        proposer: Proposer[Options] = cls.build(Proposer)
        proposer.open(table, partial(open_model, device="cpu", plugins=PluginManager.discover()))
        return proposer

    def test_what_it_proposes_can_be(self, table: TokenTable) -> None:
        """A list of token ids for each text, none longer than its room."""
        proposer = self.opened(table)
        assert list(proposer.propose([])) == [], "propose() for no text at all must give nothing"
        for requests in _growing(table):
            proposed = proposer.propose(requests)
            assert len(proposed) == len(requests), f"gave {len(proposed)} drafts for {len(requests)} texts"
            for draft, request in zip(proposed, requests, strict=True):
                assert all(type(token) is int for token in draft), f"{draft!r} is no list of token ids"
                wrong = [token for token in draft if not 0 <= token < table.size]
                assert not wrong, f"proposed token {wrong[:1]}, and the vocabulary has {table.size}"
                assert len(draft) <= request.room, (
                    f"proposed {len(draft)} tokens where there is room for {request.room}"
                )

    def test_texts_are_not_changed(self, table: TokenTable) -> None:
        """The tokens are the engine's own list."""
        proposer = self.opened(table)
        for requests in _growing(table):
            before = [list(request.tokens) for request in requests]
            proposer.propose(requests)
            assert [list(request.tokens) for request in requests] == before, "propose() wrote to the tokens of a text"

    def test_the_same_again(self, table: TokenTable) -> None:
        """A new object proposes the same for the same texts, also after it has served others and forgotten them."""
        fresh, used = self.opened(table), self.opened(table)
        for requests in _growing(table, seed=8):
            used.propose(requests)
        for number in range(len(requests)):
            used.forget(number)
        for requests in _growing(table):
            first, second = ([list(draft) for draft in one.propose(requests)] for one in (fresh, used))
            assert first == second, f"proposed {second} instead of {first} for the same texts"

    def test_texts_come_and_go(self, table: TokenTable) -> None:
        """A text may be new at any length, ends unseen at times, and its number is forgotten twice at worst."""
        proposer = self.opened(table)
        proposer.forget(10**9)
        *_, last = _growing(table)
        for request in last:
            proposer.propose([request])
            proposer.forget(request.text)
            proposer.forget(request.text)
            proposer.propose([request])

    def test_forgotten_texts_are_freed(self, table: TokenTable) -> None:
        """After many texts it holds as much as after a few."""
        proposer = self.opened(table)
        held = []
        for turn in range(20):
            for requests in _growing(table, seed=turn % 2, first=100 * turn, steps=2):
                proposer.propose(requests)
            for request in requests:
                proposer.forget(request.text)
            held.append(reachable(proposer))
        # What is not kept for each text may grow a little: a cache, or the room of a list.
        assert held[-1] - held[4] < 50, (
            f"it holds {held[-1]:,} objects after 100 texts that were forgotten, and {held[4]:,} after 25: free in "
            "forget() what was kept for a text"
        )

    def test_no_text_is_another_with_drafts(self, served: Engine) -> None:
        """The texts of an engine with drafts are those without, alone and in a batch."""
        ways: list[dict[str, object]] = [
            {"strategy": "greedy"},
            {"chain": ["temperature"], "temperature": 0.3},
            {"strategy": "greedy", "repetition_penalty": 1.3, "stop": ["我", "的"]},
        ]
        requests = requests_of([resolve_decoding(served.plugins, way) for way in ways])
        without = served.generate_batch(requests)
        check_with_drafts(served, requests, without, self.resolved())

    def test_it_can_be_named_in_a_config(self, served: Engine) -> None:
        """With its options below its name."""
        if self.component is None:
            pytest.skip("it is not registered")
        plan = resolve_decoding(served.plugins, {"proposer": {"name": self.component, **self.resolved().options}})
        assert plan.proposer is not None and plan.proposer.name == self.component


def _growing(table: TokenTable, seed: int = 3, first: int = 0, steps: int = 5) -> Iterator[list[DraftRequest]]:
    """The same texts several times, each time longer in place: random, repetitive and short ones."""
    draw = random.Random(seed)
    known = [draw.randrange(table.size) for _ in range(6)]
    texts = [
        [draw.choice(known) for _ in range(20)],
        known * 3,
        [known[0]] * 12,
        known[:1],
        table.encode("我们说再见，我们说"),
    ]
    for step in range(steps):
        yield [
            DraftRequest(first + number, tokens, _ROOMS[(number + step) % len(_ROOMS)], partial(_number, number, step))
            for number, tokens in enumerate(texts)
        ]
        for tokens in texts:
            tokens += known[: 1 + step]


def _number(text: int, step: int, ahead: int) -> float:
    return uniform(text, 10 * step + ahead, "sample")
