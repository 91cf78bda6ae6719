"""Beam search and guidance against transformers' own `generate`, on tiny random models."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import pytest
import torch
from search_driver import Task, run
from tiny_gpt2 import TinyGPT2

from zaoju_builtin.decoding.searches.beam import Beam
from zaoju_builtin.decoding.searches.guidance import Guidance
from zaoju_builtin.decoding.searches.options import BeamOptions, GuidanceOptions

ROOM = 7
PROMPTS = [(first, second, 5) for first, second in [(1, 2), (3, 4), (6, 1), (9, 9), (13, 2), (7, 8)]]


may_end = pytest.mark.parametrize("may_end", [True, False])


def frequent_token(model: TinyGPT2) -> int:
    """A token that comes up often, to end texts with."""
    texts, _ = model.generate(PROMPTS, ROOM, -1)
    return Counter(token for text in texts for token in text[1:]).most_common(1)[0][0]


@may_end
@pytest.mark.parametrize("early_stopping", [True, False, "never"])
@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 1.0, 2.5])
def test_beam_search(early_stopping: Literal[True, False, "never"], may_end: bool, length_penalty: float) -> None:
    ended = 0
    for seed in range(5):
        model, beams = TinyGPT2(seed), 2 + seed % 3
        end = frequent_token(model) if may_end else -1
        texts, scores = model.generate(
            PROMPTS, ROOM, end, num_beams=beams, length_penalty=length_penalty, early_stopping=early_stopping
        )
        options = BeamOptions(beams=beams, length_penalty=length_penalty, early_stopping=early_stopping)
        found = [run(Beam(options), Task(model, ROOM, prompt, end=end)) for prompt in PROMPTS]
        assert [one.tokens for one in found] == texts
        assert [one.score for one in found] == pytest.approx(scores, abs=1e-4)
        ended += sum(text[-1] == end for text in texts)
    assert (ended > 4) == may_end, "the texts must say something about ends"


@may_end
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.5, 4.0])
def test_guidance(may_end: bool, scale: float) -> None:
    for seed in range(4):
        model = TinyGPT2(seed)
        end = frequent_token(model) if may_end else -1
        for prompt in PROMPTS:
            negative = (prompt[0], 11)[: 1 + seed % 2]
            texts, _ = model.generate(
                [prompt], ROOM, end, guidance_scale=scale, negative_prompt_ids=torch.tensor([negative])
            )
            task = Task(model, ROOM, prompt, {"不": negative}, end=end)
            options = GuidanceOptions(guidance_scale=scale, negative_prompt="不")
            assert run(Guidance(options), task).tokens == texts[0]
