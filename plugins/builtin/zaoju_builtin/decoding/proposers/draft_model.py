"""Drafts of a smaller model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from zaoju import DraftRequest, ModelOpener, Proposer, Runner, TokenTable, UserError
from zaoju_builtin.decoding.proposers.options import DraftModelOptions
from zaoju_builtin.decoding.selectors.sample import draw


@dataclass(slots=True)
class _Row:
    """What the draft model has read of one text: its first `agreed` tokens, and then guesses of its own."""

    handle: int
    agreed: int
    guesses: list[int]

    def common(self, tokens: Sequence[int]) -> int:
        """How much of the row is the beginning of `tokens`, without the last of them: its logits are wanted."""
        end = self.agreed
        for guess, token in zip(self.guesses, tokens[self.agreed :], strict=False):
            if guess != token:
                break
            end += 1
        return min(end, len(tokens) - 1)


class DraftModel(Proposer[DraftModelOptions]):
    """A smaller model with the same vocabulary writes ahead, for all texts in one batch.

    At a temperature it draws with the random numbers that the text itself will be drawn with, so a model that computed
    the same logits would always guess right. What a text has in common with earlier guesses is not read again.

    The idea is that of Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", 2023
    (arXiv 2211.17192); a guess counts only where it equals the engine's own choice, which keeps the text the same.
    """

    _runner: Runner
    _width: int
    """The tokens below it are those that both models have."""

    def __init__(self, options: DraftModelOptions) -> None:
        super().__init__(options)
        self._rows: dict[int, _Row] = {}

    def open(self, table: TokenTable, open_model: ModelOpener) -> None:
        folder = self.options.draft
        model = open_model(folder)
        runner, fingerprint = model.runner, model.table.fingerprint
        if fingerprint != table.fingerprint:
            raise UserError(
                f"draft_model: the draft {folder} has another vocabulary (fingerprint {fingerprint[:12]}) than the "
                f"model that writes ({table.fingerprint[:12]}); give a draft with the very same tokenizer"
            )
        if "rewind" not in runner.abilities:
            raise UserError(
                f"draft_model: the draft {folder} is computed by {type(runner).__name__}, which cannot take tokens "
                "back for this model, as drafts must; give a draft of another architecture"
            )
        self._runner = runner
        self._width = min(runner.vocabulary_size, table.size)

    def propose(self, texts: Sequence[DraftRequest]) -> Sequence[Sequence[int]]:
        lengths = [self._length(text) for text in texts]
        drafts: list[list[int]] = [[] for _ in texts]
        going = [number for number, length in enumerate(lengths) if length]
        logits = self._read([texts[number] for number in going]) if going else torch.empty(0)
        for ahead in range(max(lengths, default=0)):
            uniforms = [texts[number].uniform(ahead) for number in going]
            for number, guess in zip(going, self._guesses(logits, uniforms), strict=True):
                drafts[number].append(guess)
            going = [number for number in going if lengths[number] > ahead + 1]
            if going:
                rows = [self._rows[texts[number].text] for number in going]
                logits = self._go_on(rows, [drafts[number][-1] for number in going])
        return drafts

    def forget(self, text: int) -> None:
        row = self._rows.pop(text, None)
        if row is not None:
            self._runner.drop([row.handle])

    def _length(self, text: DraftRequest) -> int:
        """How many tokens to propose. A text for which there are none will not ask for more later."""
        room = self._runner.context_length + 1 - len(text.tokens)
        row = self._rows.get(text.text)
        new = text.tokens[row.agreed :] if row is not None else text.tokens
        # The model that writes may be padded with tokens that the draft model has no row for.
        known = max(new, default=0) < self._runner.vocabulary_size
        length = min(self.options.max_tokens, text.room, room) if known else 0
        if length <= 0:
            self.forget(text.text)
            return 0
        return length

    def _read(self, texts: Sequence[DraftRequest]) -> torch.Tensor:
        """Bring each text's row up to its last token: the logits [N, V] after it."""
        common = {text.text: row.common(text.tokens) for text in texts if (row := self._rows.get(text.text))}
        for number in [number for number, count in common.items() if count == 0]:
            self.forget(number)  # a row cannot forget all that it has read
            del common[number]
        logits: dict[int, torch.Tensor] = {}
        begun = [text for text in texts if text.text in common]
        if begun:
            rows = [self._rows[text.text] for text in begun]
            back = [row.agreed + len(row.guesses) - common[text.text] for text, row in zip(begun, rows, strict=True)]
            handles = [row.handle for row in rows]
            self._runner.rewind(handles, back)
            after = self._runner.extend(handles, [text.tokens[common[text.text] :] for text in begun])
            logits.update((text.text, given[-1]) for text, given in zip(begun, after, strict=True))
        fresh = [text for text in texts if text.text not in common]
        if fresh:
            handles, after_prompts = self._runner.prefill([text.tokens for text in fresh])
            for text, handle, given in zip(fresh, handles, after_prompts, strict=True):
                self._rows[text.text] = _Row(handle, 0, [])
                logits[text.text] = given
        for text in texts:
            row = self._rows[text.text]
            row.agreed, row.guesses = len(text.tokens), []
        return torch.stack([logits[text.text] for text in texts])

    def _go_on(self, rows: Sequence[_Row], guesses: Sequence[int]) -> torch.Tensor:
        """Feed each row its last guess: the logits [N, V] after it."""
        for row, guess in zip(rows, guesses, strict=True):
            row.guesses.append(guess)
        return self._runner.step([row.handle for row in rows], guesses)

    def _guesses(self, logits: torch.Tensor, uniforms: Sequence[float]) -> list[int]:
        logits = logits[:, : self._width]
        if self.options.temperature == 0:
            return logits.argmax(dim=1).tolist()
        numbers = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)
        return draw(logits / self.options.temperature, numbers).tolist()
