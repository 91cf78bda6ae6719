"""The presets `hf`, `vllm` and `llamacpp` act in the order of those systems, so numbers from there mean the same."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel
from transformers.generation import LogitsProcessorList

from support.decoder_helpers import context, probabilities, ranked
from zaoju import PluginManager, TokenTable
from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.generation.chain import Chain
from zaoju.testing import decoding_engine
from zaoju.testing.byte_table import ByteTable

NOTHING = -float("inf")
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


def through(plan: DecodingPlan, logits: torch.Tensor, history: Sequence[int], table: TokenTable) -> torch.Tensor:
    """What the chain of a plan makes of rows that all have one history."""
    chain = Chain(plan)
    settings = chain.settings(plan.options, 1, history, table)
    batch = chain.batch([settings] * len(logits), logits.device)
    states = [chain.first_states(settings)] * len(logits)
    past = context(logits, [history] * len(logits)).history
    return chain.apply(logits, batch, [0] * len(logits), states, past, table).logits


def test_hf_keeps_what_transformers_keeps(theirs: LogitsProcessorList, plugins: PluginManager) -> None:
    """The same numbers, all at once, in 500 random rows."""
    settings = {
        "strategy": "hf",
        "logit_bias": {"id:7": 1.5},
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 2,
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
    logits = rows(500)
    expected = logits.clone()
    for processor in theirs:
        if type(processor).__name__ not in ("WatermarkLogitsProcessor", "NoBadWordsLogitsProcessor"):
            expected = processor(torch.tensor([PROMPT] * 500), expected)
    # A word that is forbidden has another meaning here, and a watermark another hash.
    expected = expected.log_softmax(dim=1)
    given = through(resolve_decoding(plugins, settings), logits, PROMPT, Width(40)).log_softmax(dim=1)
    assert torch.equal(given.isneginf(), expected.isneginf())
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)
    assert 1 < given.isfinite().sum(dim=1).double().mean() < 15


class Width(TokenTable):
    """Tokens without text, as many as asked for; the end is the token 0."""

    byte_level = True
    end_of_text = 0
    fingerprint = "none"

    def __init__(self, size: int) -> None:
        self.size = size

    def bytes_of(self, token: int) -> bytes | None:
        return None

    def encode(self, text: str) -> list[int]:
        return []


Row = list[float]


def temperature(row: Row, value: float) -> Row:
    return [one / value for one in row]


def keep(row: Row, kept: set[int]) -> Row:
    return [value if token in kept else NOTHING for token, value in enumerate(row)]


def top_k(row: Row, count: int) -> Row:
    return keep(row, set(ranked(torch.tensor(row, dtype=torch.float64))[:count]))


def top_p(row: Row, share: float) -> Row:
    shares = probabilities(torch.tensor(row, dtype=torch.float64))
    kept, mass = set(), 0.0
    for token in ranked(torch.tensor(row, dtype=torch.float64)):
        if kept and mass >= share:
            break
        kept.add(token)
        mass += shares[token]
    return keep(row, kept)


def min_p(row: Row, share: float) -> Row:
    shares = probabilities(torch.tensor(row, dtype=torch.float64))
    return keep(row, {token for token, one in enumerate(shares) if one >= share * max(shares)})


def penalties(
    row: Row, history: Sequence[int], repeat: float, counted: Sequence[int], numbers: tuple[float, float]
) -> Row:
    row = [
        value if token not in history else value / repeat if value > 0 else value * repeat
        for token, value in enumerate(row)
    ]
    frequency, presence = numbers
    return [
        value - counted.count(token) * frequency - (presence if token in counted else 0.0)
        for token, value in enumerate(row)
    ]


NUMBERS: Mapping[str, object] = {
    "repetition_penalty": 1.3,
    "frequency_penalty": 0.4,
    "presence_penalty": 0.3,
    "temperature": 0.6,
    "top_k": 12,
    "top_p": 0.8,
    "min_p": 0.05,
}


def vllm(row: Row, history: Sequence[int], prompt: int) -> Row:
    """Penalties (the text alone for the last two), temperature, min-p, top-k, top-p."""
    row = penalties(row, history, 1.3, history[prompt:], (0.4, 0.3))
    return top_p(top_k(min_p(temperature(row, 0.6), 0.05), 12), 0.8)


def llamacpp(row: Row, history: Sequence[int], prompt: int) -> Row:
    """Penalties over the last 64 tokens, top-k, top-p, min-p, and the temperature last."""
    last = history[-64:]
    row = penalties(row, last, 1.3, last, (0.4, 0.3))
    return temperature(min_p(top_p(top_k(row, 12), 0.8), 0.05), 0.6)


@pytest.mark.parametrize(("name", "system"), [("vllm", vllm), ("llamacpp", llamacpp)])
def test_a_plain_model_of_the_system_keeps_the_same(name: str, system: object, plugins: PluginManager) -> None:
    """Random rows and histories of up to 100 tokens: the same tokens stay, with the same probabilities."""
    assert callable(system)
    plan = resolve_decoding(plugins, {"strategy": name, **NUMBERS})
    draw = random.Random(3)
    different = 0
    for number in range(60):
        history = [draw.randrange(40) for _ in range(draw.randint(0, 100))]
        logits = rows(60)[number : number + 1]
        given = through(plan, logits, history, Width(40))[0]
        # `through` shows the whole history as the prompt.
        expected = torch.tensor(system(logits[0].tolist(), history, len(history)))
        assert torch.equal(given.isneginf(), expected.isneginf())
        torch.testing.assert_close(given.softmax(0), expected.softmax(0), rtol=1e-4, atol=1e-5)
        other = vllm if system is llamacpp else llamacpp
        different += not torch.equal(
            expected.isneginf(), torch.tensor(other(logits[0].tolist(), history, 0)).isneginf()
        )
    assert different > 20, "the orders differ, or this would show nothing"


@pytest.mark.parametrize("name", ["hf", "vllm", "llamacpp", "sample", "nucleus", "top_k"])
def test_nothing_acts_that_is_not_written(name: str, plugins: PluginManager) -> None:
    """At its defaults a preset of another system is plain sampling: no hidden top-k of 50."""
    plan = resolve_decoding(plugins, {"strategy": name})
    logits = rows(20, ByteTable().size)
    given = through(plan, logits, PROMPT, ByteTable())
    assert torch.equal(given, logits) == (name not in ("nucleus", "top_k"))


def test_they_write_text() -> None:
    engine = decoding_engine()
    for name in ("hf", "vllm", "llamacpp"):
        one = engine.generate("我想", strategy=name, top_k=40, top_p=0.95, temperature=0.8, seed=3, max_new_tokens=8)
        assert one.generated_tokens == 8 and one.parameters["top_k"] == 40
