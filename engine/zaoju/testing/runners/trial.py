"""A runner under trial: every call is written down, and every result compared with that of a text read by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from zaoju.contracts import Runner

LEAST_CONTEXT = 32
"""The checks need texts of some length, and rows that differ in it."""

LEAST_ROWS = 8
"""So many rows live at once in the checks; more of them only where `most_rows` promises it."""

_SEED = 5


class Trial:
    """Calls a runner, remembers the tokens of each row, and checks what comes back.

    What is right, `control` says: a second runner, to which every text is given alone and whole.
    """

    def __init__(self, runner: Runner, control: Runner, *, tolerance: float, vocabulary: int | None) -> None:
        assert runner.context_length >= LEAST_CONTEXT, (
            f"the context has {runner.context_length} tokens, and the checks need {LEAST_CONTEXT}: open another model"
        )
        memory = runner.most_rows(runner.context_length)
        assert memory is None or memory >= LEAST_ROWS, (
            f"there is memory for {memory} rows of a whole context, and the checks need {LEAST_ROWS}: give it more"
        )
        self._tokens = vocabulary or runner.vocabulary_size
        assert self._tokens > 1, "with one token, every text of a length is the same: open a model with more of them"
        self.runner = runner
        self.control = control
        self.tolerance = tolerance
        self.texts: dict[int, list[int]] = {}
        """The tokens of every living row."""
        self.log: list[str] = []
        """Every call so far."""
        self._given: set[int] = set()
        self._random = random.Random(_SEED)

    def restart(self) -> None:
        """Drop all rows, forget the calls, and let the same random tokens come again."""
        self.drop(list(self.texts))
        self.log.clear()
        self._random.seed(_SEED)

    def text(self, length: int) -> list[int]:
        """So many random tokens."""
        return [self._random.randrange(self._tokens) for _ in range(length)]

    def other_than(self, token: int) -> int:
        """A random token that is another one."""
        return (token + self._random.randrange(1, self._tokens)) % self._tokens

    def begin(self, *texts: Sequence[int], keep_hidden: bool = False) -> list[int]:
        """`prefill`, checked: new rows."""
        return self.prefill(texts, keep_hidden=keep_hidden)[0]

    def prefill(self, texts: Sequence[Sequence[int]], *, keep_hidden: bool = False) -> tuple[list[int], torch.Tensor]:
        """`prefill`, checked: new rows, and the logits."""
        # A runner without the ability need not know the argument.
        asked = {"keep_hidden": True} if keep_hidden else {}
        self._note(f"prefill({[*map(list, texts)]}{', keep_hidden=True' if keep_hidden else ''})")
        rows, logits = self.runner.prefill([list(text) for text in texts], **asked)
        self._new_rows(rows, len(texts))
        self.texts |= {row: list(text) for row, text in zip(rows, texts, strict=True)}
        self.check_last(rows, logits)
        return list(rows), logits

    def step(self, rows: Sequence[int], tokens: Sequence[int] | None = None) -> torch.Tensor:
        """`step`, checked; with random tokens where none are given. Gives the logits."""
        tokens = self.text(len(rows)) if tokens is None else tokens
        self._note(f"step({list(rows)}, {list(tokens)})")
        logits = self.runner.step(list(rows), list(tokens))
        self._grow(rows, [[token] for token in tokens])
        self.check_last(rows, logits)
        return logits

    def append(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> torch.Tensor:
        """`append`, checked. Gives the logits."""
        self._note(f"append({list(rows)}, {[*map(list, new)]})")
        logits = self.runner.append(list(rows), [list(one) for one in new])
        self._grow(rows, new)
        self.check_last(rows, logits)
        return logits

    def extend(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        """`extend`, checked at every place. Gives the logits."""
        self._note(f"extend({list(rows)}, {[*map(list, new)]})")
        before = [list(self.texts[row]) for row in rows]
        given = self.runner.extend(list(rows), [list(one) for one in new])
        self._grow(rows, new)
        assert len(given) == len(rows), f"{self.said()} gave {len(given)} tensors for {len(rows)} rows"
        for text, one, logits in zip(before, new, given, strict=True):
            self.check([[*text, *one[: end + 1]] for end in range(len(one))], logits)
        return given

    def rewind(self, rows: Sequence[int], counts: Sequence[int]) -> None:
        """`rewind`."""
        self._note(f"rewind({list(rows)}, {list(counts)})")
        self.runner.rewind(list(rows), list(counts))
        for row, count in zip(rows, counts, strict=True):
            del self.texts[row][len(self.texts[row]) - count :]

    def fork(self, row: int) -> int:
        """`fork`: a new row."""
        self._note(f"fork({row})")
        copy = self.runner.fork(row)
        self._new_rows([copy], 1)
        self.texts[copy] = list(self.texts[row])
        return copy

    def drop(self, rows: Sequence[int]) -> None:
        """`drop`."""
        self._note(f"drop({list(rows)})")
        self.runner.drop(list(rows))
        for row in rows:
            del self.texts[row]

    def check_alive(self, rows: Sequence[int] | None = None) -> None:
        """Each of `rows`, or of all, still holds its text: one step of every row that has room for it."""
        able = [
            row for row in (self.texts if rows is None else rows) if len(self.texts[row]) < self.runner.context_length
        ]
        if able:
            self.step(able)

    def check_last(self, rows: Sequence[int], logits: torch.Tensor) -> None:
        """`logits` [N, V] are those after the texts of `rows`."""
        self.check([self.texts[row] for row in rows], logits)

    def check(self, texts: Sequence[Sequence[int]], logits: torch.Tensor) -> None:
        """`logits` [N, V] are those after each of `texts`, as the control has them."""
        check_form(logits, len(texts), self.runner.vocabulary_size, self.said())
        for place, (text, given) in enumerate(zip(texts, logits, strict=True)):
            self.check_close(given, self.expected(text), f"its logits after {len(text)} tokens, in place {place},")

    def expected(self, text: Sequence[int]) -> torch.Tensor:
        """[V]: the logits after a text that is read alone, in one piece."""
        rows, logits = self.control.prefill([list(text)])
        self.control.drop(rows)
        return logits[0]

    def check_close(self, given: torch.Tensor, expected: torch.Tensor, what: str) -> None:
        """Two tensors of one text are the same but for rounding; `what` says which, and where."""
        assert given.shape == expected.shape, (
            f"{self.said()}: {what} have the shape {list(given.shape)}, and {list(expected.shape)} where the text is "
            "read alone"
        )
        far = float((given.double() - expected.double()).abs().max())
        most = self.tolerance * max(1.0, float(expected.abs().max()))
        assert far <= most, (
            f"{self.said()}: {what} are not those of the same text read alone: {far:.2g} apart, where {most:.2g} may be"
        )

    def said(self) -> str:
        """The last call, after how many others."""
        last = self.log[-1] if len(self.log[-1]) <= 200 else f"{self.log[-1][:200]}..."
        return f"{last}, call {len(self.log)}"

    def history(self) -> str:
        """All calls, to be read after a failure."""
        return "\n".join(f"  {call}" for call in self.log)

    def _note(self, call: str) -> None:
        self.log.append(call)

    def _grow(self, rows: Sequence[int], new: Sequence[Sequence[int]]) -> None:
        for row, tokens in zip(rows, new, strict=True):
            self.texts[row] += tokens

    def _new_rows(self, rows: Sequence[int], number: int) -> None:
        told = [row for row in rows if type(row) is int]
        assert len(told) == len(rows) == len(set(rows)) == number, f"{self.said()} gave the handles {rows}"
        again = self._given & set(rows)
        assert not again, f"{self.said()} gave the handle {min(again)} a second time: a dropped row would live again"
        self._given |= set(rows)


def check_form(logits: torch.Tensor, rows: int, vocabulary_size: int, who: str) -> None:
    """[rows, vocabulary_size] float32, every number finite, without a tail of gradients."""
    form = f"{logits.dtype} {list(logits.shape)}"
    wanted = f"{torch.float32} {[rows, vocabulary_size]}"
    assert form == wanted, f"{who} gave {form} instead of {wanted}"
    assert bool(logits.isfinite().all()), f"{who} gave logits that are NaN or infinite"
    assert not logits.requires_grad, f"{who} gave logits with gradients, which keep all that they came from: no_grad()"
