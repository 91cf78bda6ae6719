"""Runs a search over a model by the contract alone, and notices every broken rule of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch

from zaoju.contracts import History, Search, SearchContext, Selector, StepContext
from zaoju.generation import sample_seeds
from zaoju.generation.uniforms import uniform
from zaoju_builtin.decoding.selectors.argmax import Argmax

END = 0
Tokens = tuple[int, ...]


class TinyModel(Protocol):
    """What the driver asks of a model."""

    def logits(self, rows: Sequence[Tokens]) -> torch.Tensor:
        """[N, V] float32 for the token after each row."""
        ...

    def hidden(self, row: Tokens) -> torch.Tensor:
        """[length, width] float32."""
        ...


@dataclass(frozen=True)
class HashModel:
    """Logits and hidden states are drawn from a hash of the tokens."""

    vocabulary_size: int
    spread: float = 2.0
    seed: int = 0
    coarse: bool = False
    """Few different logits, so that ties are everywhere."""

    def logits(self, rows: Sequence[Tokens]) -> torch.Tensor:
        drawn = torch.stack([self._draw("logits", row, self.vocabulary_size) * self.spread for row in rows])
        return drawn.round() if self.coarse else drawn

    def hidden(self, row: Tokens) -> torch.Tensor:
        return torch.stack([self._draw("hidden", row[: end + 1], 5) for end in range(len(row))])

    def _draw(self, what: str, row: Tokens, width: int) -> torch.Tensor:
        name = f"{self.seed} {what} {row}"
        return torch.randn(width, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


@dataclass(frozen=True)
class Task:
    """What a text is written from."""

    model: TinyModel
    room: int
    prompt: Tokens = (1,)
    other_prompts: dict[str, Tokens] = field(default_factory=dict)
    end: int = END
    stops: Sequence[Tokens] = ()
    seed: int = 0
    selector: Selector = field(default_factory=Argmax)
    chain: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits

    def ends(self, generated: Tokens) -> bool:
        """Whether the last token of a text ends it."""
        return generated[-1:] == (self.end,) or any(generated[-len(stop) :] == stop for stop in self.stops)


@dataclass(frozen=True)
class Found:
    """What came out of a search."""

    tokens: Tokens
    score: float
    whole: dict[Tokens, float]
    """Every whole text with its score."""
    steps: int


@dataclass(frozen=True)
class _Row:
    prompt: Tokens
    seed: int
    tokens: Tokens = ()


def run(search: Search, task: Task) -> Found:
    """The result of a search."""
    branches = search.begin()
    seeds = sample_seeds(task.seed, max(branch.sample for branch in branches) + 1)
    rows = [
        _Row(task.prompt if branch.prompt is None else task.other_prompts[branch.prompt], seeds[branch.sample])
        for branch in branches
    ]
    whole: dict[Tokens, float] = {}
    room = task.room
    # One step more than there are tokens: at room 0 rows may be given as they are.
    for number in range(task.room + 1):
        assert 0 < len(rows) <= search.width, "more live rows than the search said"
        raw = task.model.logits([row.prompt + row.tokens for row in rows])
        logits = task.chain(search.mix(raw))
        assert logits.shape == raw.shape and logits.dtype == torch.float32
        before = raw.clone(), logits.clone()
        step = search.step(logits, _context(task, rows, raw, room))
        assert torch.equal(raw, before[0]) and torch.equal(logits, before[1]), "the search wrote to its input"
        for text in step.finished:
            tokens = rows[text.row].tokens + (() if text.token is None else (text.token,))
            assert task.ends(tokens) or len(tokens) == task.room, f"{tokens} is no whole text"
            assert text.token is None or logits[text.row, text.token].isfinite(), "a removed token was taken"
            whole[tokens] = max(text.score, whole.get(tokens, text.score))
        for parent, token in zip(step.rows, step.tokens, strict=True):
            assert room > 0 and not task.ends(rows[parent].tokens), "a whole text went on"
            assert logits[parent, token].isfinite(), "a removed token was taken"
        if step.done or not step.rows:
            assert whole, "the search ended without a text"
            best = max(whole, key=lambda tokens: whole[tokens])
            return Found(best, whole[best], whole, number + 1)
        rows = [
            replace(rows[parent], tokens=(*rows[parent].tokens, token))
            for parent, token in zip(step.rows, step.tokens, strict=True)
        ]
        room -= 1
    raise AssertionError("the search went on where there was no room")


def plain(task: Task) -> Tokens:
    """The text without a search."""
    row = _Row(task.prompt, task.seed)
    while len(row.tokens) < task.room:
        logits = task.chain(task.model.logits([row.prompt + row.tokens]))
        token = int(task.selector.select(logits, _step_context([row], logits, task.end))[0])
        row = replace(row, tokens=(*row.tokens, token))
        if task.ends(row.tokens):
            break
    return row.tokens


def log_probability(task: Task, tokens: Tokens) -> float:
    """The sum of the log-probabilities of a text, token by token, by the logits after the chain."""
    total = 0.0
    for position, token in enumerate(tokens):
        logits = task.chain(task.model.logits([task.prompt + tokens[:position]]))[0].double()
        total += float(logits[token] - logits.exp().sum().log())
    return total


def _context(task: Task, rows: Sequence[_Row], raw: torch.Tensor, room: int) -> SearchContext:
    stepping = _step_context(rows, raw, task.end)
    return SearchContext(
        index=len(rows[0].tokens),
        room=room,
        tokens=[list(row.tokens) for row in rows],
        raw=raw,
        end_of_text=task.end,
        ends=lambda row, token: task.ends((*rows[row].tokens, token)),
        select=lambda logits: task.selector.select(logits, stepping),
        random=stepping.random,
        hidden=lambda row: task.model.hidden(rows[row].prompt + rows[row].tokens),
    )


def _step_context(rows: Sequence[_Row], logits: torch.Tensor, end: int) -> StepContext:
    index = len(rows[0].tokens)
    nothing = torch.zeros(len(rows), 0, dtype=torch.int64)
    return StepContext(
        index=torch.tensor([index] * len(rows)),
        history=History(nothing, nothing.bool(), torch.zeros(len(rows), dtype=torch.int64)),
        vocabulary_size=logits.shape[1],
        end_of_text=end,
        random=lambda stream: torch.tensor([uniform(row.seed, index, stream) for row in rows], dtype=torch.float64),
    )
