"""One run of a search as an engine runs it, over logits that are a hash; every broken rule is noted."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from zaoju.contracts import Branch, Hypothesis, Options, Search, SearchContext, SearchStep
from zaoju.generation.uniforms import sample_seed, uniform
from zaoju.testing.decoding_rows import same_bits

WIDTH = 11
END_OF_TEXT = 0
_STOP = (3, 4)
_HIDDEN = 6
_SEED = 5


@dataclass(frozen=True)
class Scene:
    """What a search is put into."""

    name: str
    room: int

    allowed: Callable[[int], frozenset[int]]
    """Which tokens a chain leaves as the token with this index; never none."""

    spread: float = 2.0
    """The standard deviation of the logits; 0 makes all equal."""


@dataclass(frozen=True)
class _Row:
    """A live row."""

    branch: Branch
    tokens: tuple[int, ...] = ()
    ended: bool = False


@dataclass(repr=False)
class Trial:
    """A search in a scene. `faults` has for each broken rule what happened; the run stops at the first."""

    search: Search[Options]
    scene: Scene
    needs: frozenset[str]
    faults: dict[str, str] = field(default_factory=dict)
    whole: list[tuple[tuple[int, ...], float]] = field(default_factory=list)
    """The texts that are whole, with their scores."""
    steps: list[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    """Rows and tokens of every step."""

    def run(self) -> Trial:
        """Step until the search is over."""
        for _ in self.go():
            pass
        return self

    def go(self) -> Iterator[None]:
        """One step of the search after the other."""
        begun = self.search.begin()
        width = self.search.width
        if not 1 <= len(begun) <= width:
            self._note("width", f"begin() gave {len(begun)} rows, and `width` is {width}")
            return
        rows = [_Row(branch) for branch in begun]
        for index in range(self.scene.room + 1):
            step = self._step(rows, index)
            if self.search.width != width:
                self._note("width", f"`width` was {width}, and is {self.search.width} now")
            self._check(step, rows, width)
            if index == self.scene.room and any(one.token is not None for one in step.finished):
                self._note("end", "a token is appended at room 0, where the rows are whole as they are")
            if self.faults:
                return
            yield
            self.steps.append((tuple(step.rows), tuple(step.tokens)))
            for one in step.finished:
                more = () if one.token is None else (one.token,)
                self.whole.append(((*rows[one.row].tokens, *more), one.score))
            rows = [self._continued(rows[row], token) for row, token in zip(step.rows, step.tokens, strict=True)]
            if step.done or not rows:
                break
            if self.scene.room - index <= (0 if "hidden" in self.needs else 1):
                self._note("end", "rows live on where the last token has come: give them as whole texts instead")
                return
        if not self.whole:
            self._note("end", "it is over, and no text is whole")

    def _step(self, rows: Sequence[_Row], index: int) -> SearchStep:
        raw = torch.stack([self._logits(row) for row in rows])
        allowed = self.scene.allowed(index)
        given = raw.clone()
        logits = self.search.mix(given)
        if not same_bits(given, raw):
            self._note("input", "mix() wrote to its logits")
        if logits.shape != raw.shape or logits.dtype != torch.float32 or logits.isnan().any():
            self._note("mix", f"mix() gave {logits.dtype} {list(logits.shape)} for {list(raw.shape)}, or NaN")
            logits = raw
        removed = torch.tensor([token not in allowed for token in range(WIDTH)])
        self._chained = logits.masked_fill(removed, -math.inf)
        own, own_raw = self._chained.clone(), raw.clone()
        step = self.search.step(own, self._context(rows, index, own_raw))
        if not same_bits(own, self._chained) or not same_bits(own_raw, raw):
            self._note("input", "step() wrote to its logits")
        return step

    def _context(self, rows: Sequence[_Row], index: int, raw: torch.Tensor) -> SearchContext:
        def random(stream: str) -> torch.Tensor:
            drawn = [uniform(sample_seed(_SEED, row.branch.sample), index, stream) for row in rows]
            return torch.tensor(drawn, dtype=torch.float64)

        def select(logits: torch.Tensor) -> torch.Tensor:
            self._need("selector", "calls context.select()")
            mass = logits.double().softmax(dim=1).cumsum(dim=1)
            target = random("sample").unsqueeze(1) * mass[:, -1:]
            return torch.searchsorted(mass, target, right=True).clamp(max=WIDTH - 1).squeeze(1)

        def hidden(row: int) -> torch.Tensor:
            self._need("hidden", "calls context.hidden()")
            read = [1, *rows[row].tokens]
            return torch.stack(
                [_drawn((rows[row].branch.prompt, *read[: end + 1]), _HIDDEN) for end in range(len(read))]
            )

        return SearchContext(
            index=index,
            room=self.scene.room - index,
            tokens=[list(row.tokens) for row in rows],
            raw=raw,
            end_of_text=END_OF_TEXT,
            ends=lambda row, token: _ends((*rows[row].tokens, token)),
            select=select,
            random=random,
            hidden=hidden,
        )

    def _check(self, step: SearchStep, rows: Sequence[_Row], width: int) -> None:
        """What the engine would choke on, in the order in which it would."""
        if len(step.rows) != len(step.tokens):
            self._note("range", f"{len(step.rows)} rows and {len(step.tokens)} tokens")
        if len(step.rows) > width:
            self._note("width", f"{len(step.rows)} rows are to live, and `width` is {width}")
        pairs = [*zip(step.rows, step.tokens, strict=False), *((one.row, one.token) for one in step.finished)]
        for row, token in pairs:
            if not 0 <= row < len(rows) or not (token is None or 0 <= token < WIDTH):
                self._note("range", f"row {row} with token {token}, of {len(rows)} rows and {WIDTH} tokens")
                continue
            if token is None:
                continue
            if self._chained[row, token].isneginf() and not self._only_compares(rows, row):
                self._note("removed", f"token {token} was taken after row {row}, where it is at -inf")
            if rows[row].ended:
                self._note("ended", f"row {row} has ended with {rows[row].tokens[-2:]}, and goes on with {token}")
        for one in step.finished:
            if not isinstance(one, Hypothesis) or not math.isfinite(one.score):
                self._note("score", f"a whole text has the score {one.score}")

    def _only_compares(self, rows: Sequence[_Row], row: int) -> bool:
        """Rows of another prompt follow the text, whatever their own logits are."""
        return rows[row].branch.prompt is not None

    def _continued(self, row: _Row, token: int) -> _Row:
        tokens = (*row.tokens, token)
        return _Row(row.branch, tokens, _ends(tokens))

    def _logits(self, row: _Row) -> torch.Tensor:
        return _drawn((row.branch.prompt, *row.tokens), WIDTH) * self.scene.spread

    def _need(self, need: str, what: str) -> None:
        if need not in self.needs:
            self._note("needs", f"it {what}, and its Component does not say needs=frozenset({{{need!r}}})")

    def _note(self, rule: str, what: str) -> None:
        self.faults.setdefault(rule, f"{what} ({self.scene.name}, {self.scene.room} tokens of room)")


def _ends(tokens: Sequence[int]) -> bool:
    """The end of a document, or a stop string of two tokens."""
    return tokens[-1] == END_OF_TEXT or tuple(tokens[-2:]) == _STOP


def _drawn(seen: Sequence[object], size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(repr(seen).encode()))
    return torch.randn(size, generator=generator)
