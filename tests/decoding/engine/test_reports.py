"""What comes back with a text: every option that acted, log-probabilities, scores, counts and timings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
import torch
from every_way import LOOKUP
from hypothesis import given, settings
from hypothesis import strategies as st

from support.small_models import small_gpt2
from zaoju import Engine, UserError
from zaoju.generation import LeanRunner
from zaoju.testing import decoding_engine


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine()


def test_every_option_that_acted_is_told(engine: Engine) -> None:
    text = engine.generate("我想", strategy="nucleus", top_p=0.8, seed=4, max_new_tokens=9, stop=["。"])
    assert text.parameters == {
        **dict.fromkeys(["repetition_penalty", "temperature"], 1.0),
        "repetition_window": 0,
        "top_p": 0.8,
        "token_healing": True,
        "max_new_tokens": 9,
        "stop": ["。"],
    }
    assert (text.seed, text.selector, text.search, text.proposer, text.constraint) == (4, "sample", None, None, None)
    assert text.generated_tokens == len(text.token_ids) == 9 and text.prompt_tokens == 2
    assert 0 < (text.first_token_seconds or 0) <= text.seconds


def test_the_options_of_every_part_are_told(engine: Engine) -> None:
    text = engine.generate(
        "我想", strategy="greedy", proposer=LOOKUP, constraint={"name": "regex", "pattern": "我+"}, max_new_tokens=5
    )
    assert (text.proposer, text.constraint) == ("prompt_lookup", "regex")
    assert text.parameters["regex"] == {"pattern": "我+"}
    lookup = text.parameters["prompt_lookup"]
    assert isinstance(lookup, dict) and lookup["max_tokens"] == 6
    beam = engine.generate("我想", strategy="beam", beams=3, max_new_tokens=5)
    assert (beam.search, beam.selector, beam.parameters["beams"]) == ("beam", None, 3)
    assert beam.score is not None and len(beam.others) >= 2
    assert all(beam.score >= other.score for other in beam.others)
    json.dumps([text.to_json(), beam.to_json()])


def test_two_options_of_one_name_are_refused(engine: Engine) -> None:
    """No option is applied twice, and none in silence (pitfall 12)."""
    with pytest.raises(UserError, match="top_k: has no effect"):
        engine.generate("我想", strategy="nucleus", top_k=50)
    with pytest.raises(UserError, match="stands more than once"):
        engine.generate("我想", chain=["temperature", "temperature"])


@pytest.mark.parametrize(
    "way",
    [
        {"strategy": "nucleus", "top_p": 0.6, "temperature": 0.7},
        {"strategy": "greedy", "repetition_penalty": 1.5},
        {"strategy": "nucleus", "constraint": {"name": "regex", "pattern": "[我你他在]{6,9}。"}},
        {"strategy": "nucleus", "proposer": LOOKUP},
        {"strategy": "beam", "beams": 2},
        {"strategy": "contrastive"},
    ],
    ids=str,
)
def test_raw_log_probabilities_are_the_models_own(engine: Engine, way: dict[str, object]) -> None:
    """Before constraint, search and chain: those of a fresh pass over the whole text (pitfall 15)."""
    text = engine.generate("我想", seed=3, max_new_tokens=8, logprobs=4, **way)
    assert text.tokens is not None and [one.token for one in text.tokens] == list(text.token_ids)
    fed, show = [*engine.tokenizer.beginning, *engine.tokenizer.encode("我想")], engine.tokenizer.show
    for place, one in enumerate(text.tokens):
        [row], logits = engine.runner.prefill([[*fed, *text.token_ids[:place]]])
        engine.runner.drop([row])
        expected = logits[0, : engine.tokenizer.vocabulary_size].double().log_softmax(0)
        assert one.logprob == pytest.approx(float(expected[one.token]), abs=1e-6)
        assert (one.text, [other.text for other in one.top]) == (
            show(one.token),
            [show(other.token) for other in one.top],
        )
        assert [other.logprob for other in one.top] == pytest.approx(expected.topk(4).values.tolist(), abs=1e-6)
        assert math.isfinite(one.sampled_logprob) and one.sampled_logprob <= 0


def test_what_was_sampled_from_is_after_the_chain(engine: Engine) -> None:
    text = engine.generate("我想", strategy="top_k", top_k=1, seed=3, max_new_tokens=5, logprobs=0)
    assert text.tokens is not None
    assert [one.sampled_logprob for one in text.tokens] == [0.0] * 5 and all(one.logprob < 0 for one in text.tokens)
    assert all(one.top == () for one in text.tokens)


def test_a_sum_of_reported_log_probabilities_is_the_score_of_a_beam(engine: Engine) -> None:
    beam = engine.generate("我想", strategy="beam", beams=3, length_penalty=0.0, max_new_tokens=6, logprobs=0)
    assert beam.tokens is not None
    assert beam.score == pytest.approx(math.fsum(one.sampled_logprob for one in beam.tokens), abs=1e-4)


@pytest.fixture(scope="module")
def torn() -> Iterator[Engine]:
    """A model whose best tokens are single bytes, so that most texts are torn characters."""
    yield decoding_engine(spread=6.0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    prompt=st.sampled_from(["我想", "", "😀", "é"]),
    strategy=st.sampled_from(["nucleus", "best_of_n", "beam", "contrastive"]),
    stop=st.sampled_from([(), ("�",), ("我", "想我")]),
)
def test_chunks_are_the_text_and_no_character_is_torn(
    torn: Engine, seed: int, prompt: str, strategy: str, stop: tuple[str, ...]
) -> None:
    """Pitfall 9: all chunks are the text, and it is that of the tokens decoded at once."""
    chunks = list(torn.stream(prompt, strategy=strategy, seed=seed, max_new_tokens=12, stop=stop))
    last = chunks[-1].generation
    assert last is not None
    assert "".join(chunk.text for chunk in chunks) == last.text
    decoded = torn.tokenizer.decode(last.token_ids)
    assert last.text == (decoded if last.stop is None else decoded[: decoded.index(last.stop)])


def test_a_stream_of_beams_gives_text_before_the_end() -> None:
    """What all beams agree on comes at once; a plain text gives every token."""
    engine = decoding_engine(spread=12.0)
    chunks = list(engine.stream("我想", strategy="beam", beams=3, max_new_tokens=40))
    early = [chunk.text for chunk in chunks[:-1] if chunk.text]
    assert len(early) >= 2
    assert sum(map(len, early)) > 10


def test_a_broken_model_is_told_of() -> None:
    source, model = decoding_engine(), small_gpt2(decoding_engine().tokenizer.vocabulary_size)
    with torch.no_grad():
        model.transformer.wte.weight[5] = float("nan")
    with pytest.raises(UserError, match="not finite for token 1"):
        Engine(LeanRunner(model), source.tokenizer, source.plugins).generate("我想", strategy="beam")
