"""A faulty plugin is named, and takes nothing with it: no row stays behind, and the engine goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from zaoju import (
    DraftRequest,
    Engine,
    Hypothesis,
    Matcher,
    PluginError,
    Request,
    SearchContext,
    SearchStep,
    UserError,
)
from zaoju.contracts import Ability
from zaoju.testing import HashRunner, decoding_engine
from zaoju_builtin.decoding.constraints.choice import Choice
from zaoju_builtin.decoding.constraints.llguidance_constraint import LLGuidanceMatcher
from zaoju_builtin.decoding.proposers.prompt_lookup import PromptLookup
from zaoju_builtin.decoding.searches.beam import Beam
from zaoju_builtin.decoding.selectors.sample import Sample
from zaoju_builtin.decoding.transforms.bad_words import BadWords
from zaoju_builtin.decoding.transforms.top_p import TopP

Step = Callable[[torch.Tensor, SearchContext], SearchStep]


@pytest.fixture
def engine() -> Engine:
    return decoding_engine(context_length=40)


def assert_nothing_stays(engine: Engine) -> None:
    assert isinstance(engine.runner, HashRunner) and engine.runner.rows == {}
    assert engine.generate("我想", strategy="greedy", max_new_tokens=3).generated_tokens == 3


def one_more(**step: object) -> Step:
    """A search that goes on with the best token of row 0, but for what is given."""

    def decide(logits: torch.Tensor, context: SearchContext) -> SearchStep:
        good: dict[str, object] = {"rows": [0], "tokens": [int(logits[0].argmax())]}
        return SearchStep(**{**good, **step})  # type: ignore[arg-type]

    return decide


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (one_more(rows=[0, 0]), "gave 2 rows with 1 tokens"),
        (one_more(rows=[0] * 9, tokens=[5] * 9), "keeps 9 rows, and its width is 4"),
        (one_more(rows=[7]), "continues row 7 of 1"),
        (one_more(tokens=[10**6]), "takes token 1000000, which row 0 may not be continued with"),
        (one_more(rows=[], tokens=[]), "ended without a whole text"),
        (one_more(done=True), "ended without a whole text"),
        (one_more(finished=[Hypothesis(0, None, float("nan"))]), "gives a text a score that is not a number"),
        (one_more(finished=[Hypothesis(3, None, 0.0)]), "continues row 3 of 1"),
        (one_more(), "keeps rows where no room is left"),
    ],
)
def test_a_faulty_search(engine: Engine, monkeypatch: pytest.MonkeyPatch, step: Step, complaint: str) -> None:
    monkeypatch.setattr(Beam, "step", lambda self, logits, context: step(logits, context))
    with pytest.raises(PluginError, match=f"search 'beam' {complaint}"):
        engine.generate("我想", strategy="beam", max_new_tokens=5)
    monkeypatch.undo()
    assert_nothing_stays(engine)


def test_a_search_that_takes_a_removed_token(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Beam, "step", lambda self, logits, context: SearchStep([0], [int(logits[0].argmin())]))
    with pytest.raises(PluginError, match="which row 0 may not be continued with"):
        engine.generate("我想", strategy="beam", constraint={"name": "choice", "choices": ["我"]})
    assert_nothing_stays(engine)


@pytest.mark.parametrize(
    ("drafts", "complaint"),
    [
        (lambda texts: [], "gave 0 drafts for 1 texts"),
        (lambda texts: [[10**6]], "proposed token 1000000"),
        (lambda texts: [[-1]], "proposed token -1"),
    ],
)
def test_a_faulty_proposer(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    drafts: Callable[[Sequence[DraftRequest]], list[list[int]]],
    complaint: str,
) -> None:
    monkeypatch.setattr(PromptLookup, "propose", lambda self, texts: drafts(texts))
    with pytest.raises(PluginError, match=f"proposer 'prompt_lookup' {complaint}"):
        engine.generate("我想", strategy="greedy", proposer="prompt_lookup")
    assert_nothing_stays(engine)


def test_a_proposer_that_ignores_its_room(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is cut off, and the text is the same."""
    plain = engine.generate("我想", strategy="greedy", max_new_tokens=7)
    monkeypatch.setattr(PromptLookup, "propose", lambda self, texts: [[5] * 99 for _ in texts])
    drafted = engine.generate("我想", strategy="greedy", max_new_tokens=7, proposer="prompt_lookup")
    assert drafted.token_ids == plain.token_ids


class Nothing(Matcher):
    """Allows the first token, then none."""

    def __init__(self, size: int, begun: bool = False) -> None:
        self.size, self.begun = size, begun

    def allowed(self) -> torch.Tensor:
        return torch.full((self.size,), not self.begun)

    def accept(self, token: int) -> None:
        self.begun = True

    def fork(self) -> Nothing:
        return Nothing(self.size, self.begun)


def test_a_constraint_without_a_way_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Choice, "compile", lambda self, table: Nothing(table.size))
    with pytest.raises(UserError, match="the constraint 'choice' allows no token of the model as token 2 of the text"):
        engine.generate("我想", strategy="greedy", constraint={"name": "choice", "choices": ["我"]})
    assert_nothing_stays(engine)


def test_a_transform_that_revives_what_a_constraint_forbids(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The constraint acts before the chain and once more after it."""
    monkeypatch.setattr(TopP, "apply", lambda self, logits, options, context: logits.masked_fill(logits.isinf(), 9.0))
    text = engine.generate("我想", strategy="nucleus", constraint={"name": "choice", "choices": ["他在家"]}, seed=1)
    assert text.text == "他在家"


@pytest.mark.parametrize(
    ("broken", "way", "blamed"),
    [
        ((TopP, "apply"), {"strategy": "nucleus"}, "transform 'top_p' of zaoju"),
        ((Sample, "select"), {"strategy": "nucleus"}, "selector 'sample' of zaoju"),
        ((BadWords, "prepare"), {"strategy": "bad_words", "bad_words": ["我"]}, "transform 'bad_words' of zaoju"),
        ((BadWords, "observe"), {"strategy": "bad_words", "bad_words": ["我"]}, "transform 'bad_words' of zaoju"),
        ((Beam, "step"), {"strategy": "beam"}, "search 'beam' of zaoju"),
        ((Beam, "mix"), {"strategy": "beam"}, "search 'beam' of zaoju"),
        ((PromptLookup, "propose"), {"proposer": "prompt_lookup"}, "proposer 'prompt_lookup' of zaoju"),
        ((Choice, "compile"), {"constraint": {"name": "choice", "choices": ["我"]}}, "constraint 'choice' of zaoju"),
        (
            (LLGuidanceMatcher, "accept"),
            {"constraint": {"name": "choice", "choices": ["我"]}},
            "constraint 'choice' of zaoju",
        ),
    ],
)
def test_an_error_of_a_part_names_it(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    broken: tuple[type, str],
    way: dict[str, object],
    blamed: str,
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyError("words")

    with monkeypatch.context() as patch:
        patch.setattr(*broken, fail)
        with pytest.raises(PluginError, match=f"decoding: {blamed} failed with KeyError: 'words'. Leave it out"):
            engine.generate("我想", **way)
    assert_nothing_stays(engine)


def test_what_is_no_request_is_told_of(engine: Engine) -> None:
    for wrong in (["我想"], [Request(["我想"])]):  # type: ignore[arg-type]
        with pytest.raises(UserError, match=r"each request is a Request with one text as its prompt, got .*我想"):
            engine.generate_batch(wrong)


def test_a_transform_that_gives_another_shape(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TopP, "apply", lambda self, logits, options, context: logits.double())
    with pytest.raises(PluginError, match=r"transform 'top_p' gave torch\.float64"):
        engine.generate("我想", strategy="nucleus")
    assert_nothing_stays(engine)


@pytest.mark.parametrize(
    ("way", "needs"),
    [
        ({"strategy": "greedy", "proposer": "prompt_lookup"}, "take back tokens"),
        ({"strategy": "contrastive"}, "hidden states"),
    ],
)
def test_what_the_model_cannot_give_is_refused_before_it_begins(way: dict[str, object], needs: str) -> None:
    class Poor(HashRunner):
        """A runner with nothing but the five methods that every runner has."""

        abilities: frozenset[Ability] = frozenset()

    source = decoding_engine()
    engine = Engine(Poor(source.tokenizer.vocabulary_size, 40), source.tokenizer, source.plugins)
    with pytest.raises(UserError, match=needs):
        engine.generate("我想", **way)
    assert engine.generate("我想", strategy="beam", max_new_tokens=3).finish_reason == "length"
