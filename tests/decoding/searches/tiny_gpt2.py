"""A tiny random GPT-2 of transformers, as a model for the driver: no cache, each row read from its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from search_driver import Tokens
from transformers import GPT2Config, GPT2LMHeadModel


class TinyGPT2:
    """Random, but far from uniform, so that searches differ."""

    def __init__(self, seed: int, vocabulary_size: int = 14) -> None:
        self.seed = seed
        self.vocabulary_size = vocabulary_size

    @cached_property
    def model(self) -> GPT2LMHeadModel:
        """The model itself."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            config = GPT2Config(
                vocab_size=self.vocabulary_size,
                n_positions=32,
                n_embd=16,
                n_layer=2,
                n_head=2,
                initializer_range=0.4,
                bos_token_id=None,
                eos_token_id=None,
            )
            return GPT2LMHeadModel(config).eval()

    @torch.inference_mode()
    def logits(self, rows: Sequence[Tokens]) -> torch.Tensor:
        if len({len(row) for row in rows}) > 1:
            return torch.cat([self.logits([row]) for row in rows])
        logits: torch.Tensor = self.model(torch.tensor(rows)).logits[:, -1]
        return logits

    @torch.inference_mode()
    def hidden(self, row: Tokens) -> torch.Tensor:
        states: torch.Tensor = self.model(torch.tensor([row]), output_hidden_states=True).hidden_states[-1][0]
        return states

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Tokens], room: int, end: int, **options: object
    ) -> tuple[list[Tokens], list[float]]:
        """What `generate` writes after each of `prompts`, which have one length, and the scores where it gives some."""
        given = self.model.generate(
            torch.tensor(prompts),
            attention_mask=torch.ones(len(prompts), len(prompts[0]), dtype=torch.int64),
            max_new_tokens=room,
            do_sample=False,
            eos_token_id=None if end < 0 else end,
            pad_token_id=max(end, 0),
            return_dict_in_generate=True,
            output_scores=True,
            **options,
        )
        texts = [tuple(row[len(prompts[0]) :]) for row in given.sequences.tolist()]
        scores = getattr(given, "sequences_scores", None)
        return [_up_to(text, end) for text in texts], [] if scores is None else scores.tolist()


def _up_to(text: Tokens, end: int) -> Tokens:
    """Without the padding behind the token that ends the text."""
    return text[: text.index(end) + 1] if end in text else text
