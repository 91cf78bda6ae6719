"""Stop strings and other ends, wherever they fall: across tokens, inside one, at the prompt's edge, inside a draft.

A constraint that allows the tokens of one text alone makes the model write it, and a prompt that has that text lets the
proposer draft it, so the same end is met plainly, in a stream, in a batch, in a beam and in the middle of a draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from every_way import LOOKUP, streamed

from zaoju import Engine, Generation, Matcher, Request, TokenTable
from zaoju.config import resolve_decoding
from zaoju.testing import decoding_engine
from zaoju_builtin.decoding.constraints.choice import Choice

TEXT = "我想回家。我们说再见，龘龘"


class Script(Matcher):
    """Allows one sequence of tokens, and then the end."""

    def __init__(self, size: int, tokens: Sequence[int]) -> None:
        self.size, self.tokens = size, tokens

    def allowed(self) -> torch.Tensor:
        return torch.arange(self.size) == self.tokens[0]

    def accept(self, token: int) -> None:
        self.tokens = self.tokens[1:]

    def fork(self) -> Script:
        return Script(self.size, self.tokens)


def _compile(choice: Choice, table: TokenTable) -> Script:
    return Script(table.size, [*table.encode(choice.options.choices[0]), table.end_of_text])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Choice, "compile", _compile)
        yield decoding_engine(context_length=160)


def request(text: str = TEXT, *, prompt: str = "", stop: tuple[str, ...] = (), longest: int = 60) -> Request:
    return Request(
        prompt,
        strategy="greedy",
        seed=1,
        stop=stop,
        max_new_tokens=longest,
        constraint={"name": "choice", "choices": [text]},
    )


def every_way(engine: Engine, asked: Request) -> list[Generation]:
    """The same text, had in five ways. The prompt of the drafted one ends as the other's does."""
    drafted = replace(asked, proposer=LOOKUP, prompt=f"{TEXT}{TEXT}。{asked.prompt}")
    beam = replace(asked, strategy="beam")
    ways = [
        engine.generate_batch([asked])[0],
        streamed(engine, asked),
        engine.generate_batch([replace(asked, seed=2), asked, request(), drafted])[1],
        engine.generate_batch([beam])[0],
        engine.generate_batch([drafted])[0],
        streamed(engine, drafted),
        engine.generate_batch([asked, drafted, drafted], batch_size=3)[2],
    ]
    assert all(one.kept_drafts for one in ways[4:] if one.generated_tokens > 4)
    return ways


@pytest.mark.parametrize(
    ("stop", "text", "found"),
    [
        (("回家",), "我想", "回家"),  # two characters of several tokens each
        (("想",), "我", "想"),  # inside the token 我想
        (("想回",), "我", "想回"),  # from the middle of a token to the middle of a character's bytes
        (("我想",), "", "我想"),  # the very first token
        (("龘",), "我想回家。我们说再见，", "龘"),  # a character that is four tokens
        (("龘龘",), "我想回家。我们说再见，", "龘龘"),  # the last characters of the text
        (("。", "家"), "我想回", "家"),  # of several, the first that is complete
        (("家。我", "。"), "我想回家", "。"),  # a shorter one that ends first
        (("们说再见，龘天", "再"), "我想回家。我们说", "再"),  # one that begins earlier and never comes
        (("说再见，龘天",), TEXT, None),  # what was held back belongs to the text
        (("\ufffd",), TEXT, None),  # no half of a character is ever seen
        ((), TEXT, None),
    ],
)
def test_stop_strings(engine: Engine, stop: tuple[str, ...], text: str, found: str | None) -> None:
    for one in every_way(engine, request(stop=stop)):
        assert (one.text, one.stop) == (text, found)
        assert one.finish_reason == ("end_of_text" if found is None else "stop")


def test_a_match_never_begins_in_the_prompt(engine: Engine) -> None:
    """The prompt ends with 家 and the text begins with 。: together a stop string, which does not count."""
    for one in every_way(engine, request("。我在", prompt="回家", stop=("家。",))):
        assert (one.text, one.finish_reason) == ("。我在", "end_of_text")


@pytest.mark.parametrize("longest", range(1, 12))
def test_the_length_asked_for_may_end_a_draft(engine: Engine, longest: int) -> None:
    whole = engine.generate_batch([request()])[0]
    for one in every_way(engine, request(longest=longest)):
        assert one.token_ids == whole.token_ids[:longest]
        assert one.finish_reason == "length"


@pytest.mark.parametrize("context", range(8, 20))
def test_the_context_may_end_a_draft(context: int) -> None:
    """At every place: no error, and the same text with and without drafts."""
    engine = decoding_engine(context_length=context, memory=1, spread=4.0)
    ways = [
        engine.generate("我想你他", strategy="greedy", max_new_tokens=50, proposer=proposer)
        for proposer in (None, LOOKUP)
    ]
    assert ways[0].token_ids == ways[1].token_ids
    assert {one.finish_reason for one in ways} == {"context"} or ways[0].finish_reason == "end_of_text"
    if ways[0].finish_reason == "context":
        assert ways[0].prompt_tokens + ways[0].generated_tokens == context + 1


def test_the_end_of_the_document_inside_a_draft(engine: Engine) -> None:
    """A proposer cannot go past it: what follows the end in a draft is never part of the text."""
    drafted = request(prompt=f"{TEXT}{TEXT}{TEXT}")
    one = engine.generate_batch([replace(drafted, proposer=LOOKUP)])[0]
    assert (one.text, one.finish_reason) == (TEXT, "end_of_text") and one.kept_drafts > 5


def test_no_token_at_all(engine: Engine) -> None:
    for strategy in ("greedy", "beam", "contrastive", "best_of_n", "guidance"):
        plan = resolve_decoding(engine.plugins, {"strategy": strategy})
        nothing = Request.from_plan("我想", plan, max_new_tokens=0)
        one = engine.generate_batch([nothing])[0]
        assert (one.text, one.finish_reason, one.token_ids) == ("", "length", ())
