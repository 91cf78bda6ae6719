"""Requests that use every way of decoding there is, mixed at random."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from zaoju import Engine, Generation, Request

LOOKUP: Mapping[str, object] = {"name": "prompt_lookup", "min_ngram": 1, "max_tokens": 6}

PLAIN: tuple[Mapping[str, object], ...] = (
    {"strategy": "greedy"},
    {"strategy": "greedy", "options": {"repetition_penalty": 1.4}},
    {"strategy": "top_k", "options": {"top_k": 5, "temperature": 1.5}},
    {"strategy": "top_k", "options": {"top_k": 0}},
    {"strategy": "nucleus", "options": {"top_p": 0.7}},
    {"strategy": "nucleus", "options": {"temperature": 0.0}},
    {"strategy": "temperature", "options": {"temperature": 2.0}},
    {"strategy": "min_p", "options": {"min_p": 0.1}},
    {"strategy": "typical", "options": {"typical_p": 0.8}},
    {"strategy": "mirostat", "options": {"mirostat_tau": 3.0}},
    {"strategy": "mirostat", "options": {"mirostat_tau": 2.0, "mirostat_eta": 0.5}},
    {"strategy": "xtc", "options": {"xtc_probability": 0.7, "xtc_threshold": 0.05}},
    {"strategy": "bad_words", "options": {"bad_words": ["我们", "天"]}},
    {"strategy": "bad_words", "options": {"bad_words": ["自己的家", "。", "好"]}},
    {"strategy": "logit_bias", "options": {"logit_bias": {"我": 3.0, "想": -2.0}}},
    {"strategy": "dry", "options": {"dry_multiplier": 0.8}},
    {"strategy": "watermark", "options": {"watermark_delta": 2.0}},
    {"strategy": "no_repeat_ngram", "options": {"no_repeat_ngram_size": 2}},
    {"strategy": "llamacpp", "options": {"top_k": 40, "top_p": 0.95, "min_p": 0.05, "temperature": 0.8}},
    {"strategy": "hf", "options": {"top_k": 50, "typical_p": 0.9}},
    {"chain": ["top_k", "top_p"], "selector": "sample", "options": {"top_k": 9}},
    {"strategy": "nucleus", "constraint": {"name": "regex", "pattern": "[我你他想在]{2,12}(。|，)[家好]*"}},
    {"strategy": "greedy", "constraint": {"name": "choice", "choices": ["我想回家", "龘龘", "我想"]}},
    {"strategy": "mirostat", "constraint": {"name": "regex", "pattern": "([我你他]想[在家好]+[，。])+"}},
)
"""Ways that write token by token, and so may have drafts."""

SEARCHES: tuple[Mapping[str, object], ...] = (
    {"strategy": "beam", "options": {"beams": 3}},
    {"strategy": "beam", "options": {"beams": 2, "early_stopping": True, "repetition_penalty": 1.3}},
    {"strategy": "diverse_beam", "options": {"beams": 4, "beam_groups": 2}},
    {"strategy": "contrastive", "options": {"contrastive_top_k": 3}},
    {"strategy": "best_of_n", "options": {"best_of": 3, "temperature": 1.2}},
    {"strategy": "guidance", "options": {"guidance_scale": 2.0, "negative_prompt": "他在家里"}},
    {"chain": ["mirostat"], "search": "best_of_n", "options": {"mirostat_tau": 3.0, "best_of": 2}},
    {"strategy": "beam", "constraint": {"name": "regex", "pattern": "[我你他想在]{2,9}。"}},
)

PROMPTS = ("我想", "你", "", "他在家里", "龘龘", "我们说再见", "好好好好好好好")


def mixed_requests(
    count: int, seed: int = 0, *, ways: tuple[Mapping[str, object], ...] = PLAIN + SEARCHES, longest: int = 30
) -> list[Request]:
    """Prompts, ways, seeds, stops and lengths all mixed."""
    draw = random.Random(seed)
    return [
        Request(
            draw.choice(PROMPTS),
            seed=draw.randrange(1000),
            max_new_tokens=draw.randint(1, longest),
            stop=draw.choice([(), ("我",), ("天", "心"), ("想在",)]),
            logprobs=draw.choice([None, None, 0, 2]),
            **draw.choice(ways),  # type: ignore[arg-type]  # keyword arguments of several types
        )
        for _ in range(count)
    ]


def with_drafts(request: Request) -> Request:
    """The same request, sped up."""
    return replace(request, proposer=LOOKUP)


def without_mention_of_drafts(text: Generation) -> Generation:
    """What must be equal with drafts on and off."""
    parameters = {key: value for key, value in text.parameters.items() if key != "prompt_lookup"}
    return replace(text, proposer=None, parameters=parameters)


def alone(engine: Engine, request: Request) -> Generation:
    return engine.generate_batch([request])[0]


def streamed(engine: Engine, request: Request) -> Generation:
    chunks = list(engine.stream_request(request))
    last = chunks[-1].generation
    assert last is not None and all(chunk.generation is None for chunk in chunks[:-1])
    assert "".join(chunk.text for chunk in chunks) == last.text
    return last
