"""The presets `hf`, `vllm` and `llamacpp` act in the order of those systems, so numbers from there mean the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import pytest
import torch
from system_references import letter_of, llamacpp, token_of, vllm
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel
from transformers.generation import LogitsProcessorList

from support.decoder_helpers import context
from zaoju import PluginManager, TokenTable
from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.generation.chain import Chain
from zaoju.testing import decoding_engine
from zaoju.testing.byte_table import ByteTable

System: TypeAlias = Callable[[list[float], Sequence[int], int, Mapping[str, object]], list[float]]

PROMPT = [3, 4, 5, 5, 9]

OF_TRANSFORMERS = {
    "SequenceBiasLogitsProcessor": "logit_bias",
    "RepetitionPenaltyLogitsProcessor": "repetition_penalty",
    "NoRepeatNGramLogitsProcessor": "no_repeat_ngram",
    "NoBadWordsLogitsProcessor": "bad_words",
    "MinNewTokensLengthLogitsProcessor": "minimum_length",
    "TemperatureLogitsWarper": "temperature",
    "TopHLogitsWarper": "top_h",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
    "MinPLogitsWarper": "min_p",
    "TypicalLogitsWarper": "typical",
    "EpsilonLogitsWarper": "epsilon",
    "EtaLogitsWarper": "eta",
    "WatermarkLogitsProcessor": "watermark",
}


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


@pytest.fixture(scope="module")
def theirs() -> LogitsProcessorList:
    """What transformers itself builds when everything is asked for at once."""
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1, n_positions=32, vocab_size=40, eos_token_id=0))
    asked = GenerationConfig(
        do_sample=True,
        sequence_bias=[[[7], 1.5]],
        repetition_penalty=1.3,
        no_repeat_ngram_size=2,
        bad_words_ids=[[11]],
        min_new_tokens=4,
        temperature=0.7,
        top_h=0.9,
        top_k=20,
        top_p=0.8,
        min_p=0.02,
        typical_p=0.9,
        epsilon_cutoff=0.01,
        eta_cutoff=0.01,
        watermarking_config={"greenlist_ratio": 0.5, "bias": 1.0},
        eos_token_id=0,
    )
    ids = torch.tensor([PROMPT])
    model._prepare_special_tokens(asked, True, device="cpu")
    processors: LogitsProcessorList = model._get_logits_processor(
        generation_config=asked, input_ids_seq_length=len(PROMPT), encoder_input_ids=ids, device="cpu"
    )
    return processors


def test_hf_has_the_order_of_the_installed_transformers(theirs: LogitsProcessorList, plugins: PluginManager) -> None:
    """Its own list, not our memory of it."""
    named = [OF_TRANSFORMERS[type(one).__name__] for one in theirs if type(one).__name__ in OF_TRANSFORMERS]
    assert len(named) == len(OF_TRANSFORMERS)
    assert named == [part.name for part in resolve_decoding(plugins, {"strategy": "hf"}).chain]


def rows(count: int, width: int = 40) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(5)) * 3


def through(
    plan: DecodingPlan, logits: torch.Tensor, history: Sequence[int], table: TokenTable, prompt_length: int
) -> torch.Tensor:
    """What the chain of a plan makes of rows that all have one history."""
    chain = Chain(plan)
    settings = chain.settings(plan.options, 1, history[:prompt_length], table)
    batch = chain.batch([settings] * len(logits), logits.device)
    states = [chain.first_states(settings)] * len(logits)
    past = context(logits, [history] * len(logits)).history
    past = replace(past, prompt_length=torch.full((len(logits),), prompt_length))
    index = [len(history) - prompt_length] * len(logits)
    return chain.apply(logits, batch, index, states, past, table).logits


def test_hf_keeps_what_transformers_keeps(theirs: LogitsProcessorList, plugins: PluginManager) -> None:
    """The same numbers, all at once, in 500 random rows."""
    settings = {
        "strategy": "hf",
        "logit_bias": {"id:7": 1.5},
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 2,
        "bad_words": ["L"],
        "min_new_tokens": 4,
        "temperature": 0.7,
        "top_h": 0.9,
        "top_k": 20,
        "top_p": 0.8,
        "min_p": 0.02,
        "typical_p": 0.9,
        "epsilon_cutoff": 0.01,
        "eta_cutoff": 0.01,
    }
    assert token_of("L") == 11
    logits = rows(500)
    expected = logits.clone()
    for processor in theirs:
        # Its watermark has another hash.
        if type(processor).__name__ != "WatermarkLogitsProcessor":
            expected = processor(torch.tensor([PROMPT] * 500), expected)
    expected = expected.log_softmax(dim=1)
    given = through(resolve_decoding(plugins, settings), logits, PROMPT, Letters(), len(PROMPT)).log_softmax(dim=1)
    assert torch.equal(given.isneginf(), expected.isneginf())
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)
    assert 1 < given.isfinite().sum(dim=1).double().mean() < 15


class Letters(TokenTable):
    """40 tokens that write one letter each, but for the token 0, which ends the document."""

    byte_level = True
    end_of_text = 0
    fingerprint = "letters"
    size = 40

    def bytes_of(self, token: int) -> bytes | None:
        return letter_of(token) if token else None

    def encode(self, text: str) -> list[int]:
        return [token_of(letter) for letter in text]


NUMBERS: dict[str, object] = {
    "logit_bias": {"id:2": 4.0, "id:3": 3.0, "id:7": -1.0},
    "repetition_penalty": 1.3,
    "frequency_penalty": 0.05,
    "presence_penalty": 0.3,
    "temperature": 0.6,
    "top_k": 4,
    "top_p": 0.85,
    "min_p": 0.15,
}
OF_VLLM = {**NUMBERS, "bad_words": ["F", "J", "S"], "min_new_tokens": 4}
OF_LLAMACPP = {
    **NUMBERS,
    "top_k": 8,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
    "typical_p": 0.9,
    "xtc_probability": 1.0,
    "xtc_threshold": 0.1,
}
CASES = {
    "vllm": ("vllm", OF_VLLM, vllm),
    "llamacpp": ("llamacpp", OF_LLAMACPP, llamacpp),
    "llamacpp, dynamic temperature": (
        "llamacpp",
        {**OF_LLAMACPP, "temperature": 1.0, "dynatemp_min": 0.3, "dynatemp_max": 1.4},
        llamacpp,
    ),
}
COMMUTE = {
    ("bad_words", "minimum_length"),
    ("minimum_length", "logit_bias"),
    ("occurrence_penalty", "dry"),
    ("min_p", "top_k"),
}
"""Neighbours of which either may come first: both only remove or only add, or keep a part of one ranking."""


def as_in(system: System, plan: DecodingPlan, numbers: Mapping[str, object]) -> Iterator[bool]:
    """For each of 200 texts, whether a plan keeps of a random row what the system keeps, as probable as there.

    Rows of which the model is more or less sure; few tokens, so that texts repeat themselves; some of it the prompt.
    """
    draw = random.Random(3)
    for number, logits in enumerate(rows(200)):
        logits = logits * draw.uniform(0.3, 1.0)
        history = [draw.randrange(5) for _ in range(number % 100)]
        prompt_length = draw.randint(0, len(history))
        given = through(plan, logits.unsqueeze(0), history, Letters(), prompt_length)[0]
        expected = torch.tensor(system(logits.tolist(), history, prompt_length, numbers))
        close = torch.allclose(given.softmax(0), expected.softmax(0), rtol=1e-4, atol=1e-5)
        yield close and torch.equal(given.isneginf(), expected.isneginf())


@pytest.mark.parametrize("case", CASES)
def test_a_plain_model_of_the_system_keeps_the_same(case: str, plugins: PluginManager) -> None:
    """Random rows and histories of up to 100 tokens: the same tokens stay, with the same probabilities."""
    name, numbers, system = CASES[case]
    assert all(as_in(system, resolve_decoding(plugins, {"strategy": name, **numbers}), numbers))


@pytest.mark.parametrize("case", CASES)
def test_no_two_neighbours_could_change_places(case: str, plugins: PluginManager) -> None:
    """The test above would see it, or it would show nothing about the order."""
    name, numbers, system = CASES[case]
    plan = resolve_decoding(plugins, {"strategy": name, **numbers})
    acting = [part for part in plan.chain if part.name not in Chain(plan).idle(plan.options)]
    for place, pair in enumerate(pairwise(acting)):
        other = replace(plan, chain=(*acting[:place], *reversed(pair), *acting[place + 2 :]))
        names = (pair[0].name, pair[1].name)
        assert all(as_in(system, other, numbers)) == (names in COMMUTE), names


@pytest.mark.parametrize("name", ["hf", "vllm", "llamacpp", "sample", "nucleus", "top_k"])
def test_nothing_acts_that_is_not_written(name: str, plugins: PluginManager) -> None:
    """At its defaults a preset of another system is plain sampling: no hidden top-k of 50."""
    plan = resolve_decoding(plugins, {"strategy": name})
    logits = rows(20, ByteTable().size)
    given = through(plan, logits, PROMPT, ByteTable(), len(PROMPT))
    assert torch.equal(given, logits) == (name not in ("nucleus", "top_k"))


def test_dry_of_llamacpp_goes_on_over_a_chinese_full_stop(plugins: PluginManager) -> None:
    """Its breakers are "\\n", ":", '"' and "*"; those that zaoju adds would give its numbers another meaning."""
    table, logits = ByteTable(), torch.zeros(1, ByteTable().size)
    plan = resolve_decoding(plugins, {"strategy": "llamacpp", "dry_multiplier": 1.0, "dry_allowed_length": 2})
    [following] = table.encode("花")
    for mark, held in (("。", True), ("\n", False), ("*", False)):
        history = table.encode(f"{mark}我花{mark}我")
        assert (through(plan, logits, history, table, len(history))[0, following] < 0) == held


def test_they_write_text() -> None:
    engine = decoding_engine()
    for name in ("hf", "vllm", "llamacpp"):
        one = engine.generate("我想", strategy=name, top_k=40, top_p=0.95, temperature=0.8, seed=3, max_new_tokens=8)
        assert one.generated_tokens == 8 and one.parameters["top_k"] == 40
