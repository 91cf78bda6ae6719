"""What a user of the engine may rely on, with the logits of a hash."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from search_driver import Task, Tokens, run

from zaoju import Engine, Request, UserError
from zaoju.contracts import Runner, Search
from zaoju.generation import LeanRunner, sample_seeds
from zaoju.models import GPT2, GPT2Config
from zaoju.testing import decoding_engine

LENGTH = 14
STOP = ("好", "我们")
PROMPTS = ("我想", "", "他在家里")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine()


@pytest.mark.parametrize(
    ("strategy", "options", "same_as"),
    [
        ("beam", {"beams": 1}, "greedy"),
        ("diverse_beam", {"beams": 1, "beam_groups": 1}, "greedy"),
        ("contrastive", {"contrastive_alpha": 0.0}, "greedy"),
        ("contrastive", {"contrastive_top_k": 1}, "greedy"),
        ("best_of_n", {"best_of": 1}, "nucleus"),
        ("guidance", {"guidance_scale": 1.0, "negative_prompt": "家" * 60}, "nucleus"),
    ],
)
def test_at_its_neutral_value_a_search_gives_the_plain_text(
    engine: Engine, strategy: str, options: dict[str, object], same_as: str
) -> None:
    ends = set()
    for seed in range(12):
        prompt = PROMPTS[seed % 3]
        settings = {"seed": seed, "max_new_tokens": LENGTH + seed, "stop": STOP, "repetition_penalty": 1.2}
        one = engine.generate(prompt, strategy=strategy, **settings, **options)
        other = engine.generate(prompt, strategy=same_as, **settings)
        assert (one.text, one.token_ids, one.finish_reason) == (other.text, other.token_ids, other.finish_reason)
        ends.add(one.finish_reason)
    assert len(ends) > 1 or same_as == "greedy"


def test_best_of_n_draws_the_texts_that_the_seeds_of_samples_give(engine: Engine) -> None:
    found = engine.generate("我想", strategy="best_of_n", best_of=5, seed=8, max_new_tokens=LENGTH, temperature=1.3)
    plain = [
        engine.generate("我想", seed=seed, max_new_tokens=LENGTH, temperature=1.3, logprobs=0)
        for seed in sample_seeds(8, 5)
    ]
    means = {one.token_ids: sum(token.logprob for token in one.tokens or ()) / one.generated_tokens for one in plain}
    assert len(means) == 5
    assert found.token_ids == max(means, key=lambda tokens: means[tokens])
    scores = {one.token_ids: one.score for one in (found, *found.others)}
    assert scores == pytest.approx(means, abs=1e-6)


def test_the_score_of_a_beam_is_that_of_its_tokens(engine: Engine) -> None:
    found = engine.generate(
        "我想", strategy="beam", beams=5, max_new_tokens=LENGTH, length_penalty=0.5, repetition_penalty=1.5, logprobs=0
    )
    total = sum(token.sampled_logprob for token in found.tokens or ())
    assert found.score == pytest.approx(total / found.generated_tokens**0.5)
    assert all(other.score <= found.score for other in found.others)


def test_a_wider_beam_writes_a_more_probable_text(engine: Engine) -> None:
    scores = [
        engine.generate("我想", strategy="beam", beams=beams, max_new_tokens=LENGTH).score for beams in (1, 4, 16)
    ]
    assert scores[0] < scores[1] and scores[0] < scores[2]


def test_a_batch_and_a_stream_give_what_each_request_gives_alone(engine: Engine) -> None:
    requests = [
        Request(prompt, strategy=strategy, seed=5, max_new_tokens=LENGTH, stop=STOP)
        for prompt in PROMPTS
        for strategy in ("beam", "diverse_beam", "contrastive", "best_of_n", "guidance", "nucleus")
    ]
    together = engine.generate_batch(requests, batch_size=9)
    for request, generation in zip(requests, together, strict=True):
        assert engine.generate_batch([request]) == [generation]
        chunks = list(engine.stream_request(request))
        assert "".join(chunk.text for chunk in chunks) == generation.text
        assert chunks[-1].generation == generation


def test_options_that_cannot_be_are_told(engine: Engine) -> None:
    for options, message in [
        ({"beams": 5}, "5 beams cannot be shared evenly by 2 beam_groups"),
        ({"beams": 0}, "beams: must be >= 1, got 0"),
        ({"early_stopping": "always"}, "early_stopping: must be True, False or never, got 'always'"),
    ]:
        with pytest.raises(UserError, match=message):
            engine.generate("我想", strategy="diverse_beam", **options)


class FromTheBeginning:
    """Reads each row anew with a runner: no cache, no forks."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def logits(self, rows: Sequence[Tokens]) -> torch.Tensor:
        handles, logits = self._runner.prefill(rows)
        self._runner.drop(handles)
        return logits

    def hidden(self, row: Tokens) -> torch.Tensor:
        handles, _ = self._runner.prefill([row], keep_hidden=True)
        states = self._runner.hidden(handles[0]).clone()
        self._runner.drop(handles)
        return states


@pytest.mark.parametrize(
    ("search", "options"),
    [
        ("beam", {"beams": 5, "early_stopping": "never"}),
        ("diverse_beam", {"beams": 6, "beam_groups": 3}),
        ("contrastive", {"contrastive_top_k": 5}),
        ("guidance", {"guidance_scale": 2.0, "negative_prompt": "他在家里"}),
    ],
)
def test_a_real_model_with_its_cache(engine: Engine, search: str, options: dict[str, object]) -> None:
    """Forks, caches and hidden states in the engine against rows that are read from the beginning at each step."""
    tokenizer, plugins = engine.tokenizer, engine.plugins
    with torch.random.fork_rng():
        torch.manual_seed(3)
        size = tokenizer.vocabulary_size
        numbers = GPT2Config(vocab_size=size, n_positions=40, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3)
        runner = LeanRunner(GPT2(numbers).eval())
    real = Engine(runner, tokenizer, plugins)
    for prompt in ("我想", "他在家里", "好好好"):
        written = real.generate(prompt, chain=[], search=search, max_new_tokens=LENGTH, **_argmax(search), **options)
        task = Task(
            FromTheBeginning(runner),
            LENGTH,
            (*tokenizer.beginning, *tokenizer.encode(prompt)),
            {"他在家里": (*tokenizer.beginning, *tokenizer.encode("他在家里"))},
            end=tokenizer.end_of_text,
        )
        found = run(plugins.resolve("search", search, options).build(Search), task)
        assert written.token_ids == found.tokens
        assert written.score == pytest.approx(found.score, abs=1e-5)


def _argmax(search: str) -> dict[str, str]:
    return {"selector": "argmax"} if search == "guidance" else {}
