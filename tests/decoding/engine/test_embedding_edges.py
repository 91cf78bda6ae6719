"""What an application that embeds the engine may do, at the edges: each of these went wrong once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from zaoju import Engine, Request, UserError
from zaoju.config import resolve_decoding
from zaoju.generation import FixedShapes, runner_over
from zaoju.generation.history import TokenHistory
from zaoju.models import TransformersLM
from zaoju.testing import HashRunner, decoding_engine
from zaoju_builtin.decoding.constraints.choice import Choice
from zaoju_builtin.decoding.transforms.top_p import TopP

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32}
HEADS = {"num_attention_heads": 2, "num_key_value_heads": 2}


@pytest.fixture
def engine() -> Engine:
    return decoding_engine(context_length=96)


def test_schemas_that_differ_in_the_order_of_properties_are_two(engine: Engine) -> None:
    """Whatever was asked for before."""
    texts = []
    for order in (("a", "b"), ("b", "a")):
        schema = {"type": "object", "properties": {name: {"const": 1} for name in order}, "required": ["a", "b"]}
        constraint = {"name": "json_schema", "schema": {**schema, "additionalProperties": False}, "whitespace": 0}
        texts.append(engine.generate("我", strategy="greedy", constraint=constraint).text.replace(" ", ""))
    assert texts == ['{"a":1,"b":1}', '{"b":1,"a":1}']


@pytest.mark.parametrize(
    ("architecture", "numbers", "rewinds"),
    [
        (
            "gpt_neo",
            {"num_layers": 2, "attention_types": [[["global", "local"], 1]], "hidden_size": 16, "num_heads": 2},
            False,
        ),
        ("mpt", {"d_model": 16, "n_layers": 2, "n_heads": 2}, False),
        ("gpt_neox", {**SMALL, "num_attention_heads": 2}, True),
        (
            "opt",
            {
                "hidden_size": 16,
                "num_hidden_layers": 2,
                "ffn_dim": 32,
                "word_embed_proj_dim": 16,
                "num_attention_heads": 2,
            },
            True,
        ),
        ("llama", {**SMALL, **HEADS}, True),
        ("mistral", {**SMALL, **HEADS, "sliding_window": 8}, False),
        ("qwen2", {**SMALL, **HEADS}, True),
    ],
)
def test_a_model_that_counts_places_takes_no_drafts(
    architecture: str, numbers: dict[str, object], rewinds: bool
) -> None:
    """Where gaps in the cache would change its logits: a window of places, or positions that it counts itself."""
    network = TransformersLM.from_numbers(architecture, {"vocab_size": 50, **numbers})
    runner = runner_over(network.eval())
    assert ("rewind" in runner.abilities) == rewinds
    if not rewinds:
        return
    prompts = [[5, 6, 7], [9, 8, 7, 6]]
    rows, _ = runner.prefill(prompts)
    runner.extend(rows, [[1, 2, 3], [4]])
    runner.rewind(rows, [2, 0])
    given = runner.step(rows, [11, 12])
    fresh, expected = runner.prefill([[5, 6, 7, 1, 11], [9, 8, 7, 6, 4, 12]])
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)
    runner.drop([*rows, *fresh])


def test_another_row_may_fill_the_context(engine: Engine) -> None:
    text = engine.generate("", strategy="guidance", negative_prompt="好" * 90, seed=1, max_new_tokens=50)
    assert text.finish_reason == "context" and text.generated_tokens < 10


def test_a_text_that_nothing_scored_has_no_score(engine: Engine) -> None:
    """And every result is JSON that a strict reader takes."""
    plan = resolve_decoding(engine.plugins, {"strategy": "beam"})
    [empty] = engine.generate_batch([Request.from_plan("我", plan, max_new_tokens=0)])
    assert empty.score is None
    cancel = threading.Event()
    cancel.set()
    [cancelled] = engine.generate_batch([Request("我", plan=plan)], cancel=cancel)
    assert (cancelled.score, cancelled.finish_reason) == (None, "cancelled")
    for text in (empty, cancelled):
        json.loads(json.dumps(text.to_json(), allow_nan=False))


@pytest.mark.parametrize("strategy", ["contrastive", "beam", "best_of_n", "guidance"])
def test_a_cancelled_search_gives_what_its_rows_agree_on(strategy: str) -> None:
    engine = decoding_engine(spread=6.0)
    for seed in range(10):
        whole = engine.generate("我想", strategy=strategy, seed=seed, max_new_tokens=20)
        cancel = threading.Event()
        chunks = []
        for steps, chunk in enumerate(
            engine.stream("我想", strategy=strategy, seed=seed, max_new_tokens=20, cancel=cancel)
        ):
            chunks.append(chunk)
            if steps == seed % 4:
                cancel.set()
        last = chunks[-1].generation
        assert last is not None
        assert "".join(chunk.text for chunk in chunks) == last.text == engine.tokenizer.decode(last.token_ids)
        if last.finish_reason == "cancelled" and last.score is None:
            assert whole.token_ids[: len(last.token_ids)] == last.token_ids


def test_what_is_written_is_not_taken_for_something_else(engine: Engine) -> None:
    with pytest.raises(UserError, match="stop: must be a list, got '再见'"):
        engine.generate("我", stop="再见")
    with pytest.raises(UserError, match="chain: must be a list, got 'temperature'"):
        engine.generate("我", chain="temperature")
    with pytest.raises(UserError, match="options has max_new_tokens, strategy, which a Request has as arguments"):
        engine.generate_batch([Request("我", options={"strategy": "greedy", "max_new_tokens": 3})])
    with pytest.raises(UserError, match=r"top_k: must be smaller than 2\^63"):
        engine.generate("我", strategy="top_k", top_k=2**63)


def test_a_mistake_of_a_search_is_told_at_once(engine: Engine) -> None:
    """When the stream is asked for, and before any other text of a batch has begun."""
    with pytest.raises(UserError, match=r"begins another row with has 9\d\d tokens"):
        engine.stream("我", strategy="guidance", negative_prompt="好" * 900)


def test_the_seed_of_a_plan_counts(engine: Engine) -> None:
    plan = resolve_decoding(engine.plugins, {"strategy": "nucleus", "seed": 7})
    [text] = engine.generate_batch([Request("我", plan=plan)])
    assert text.seed == 7
    [other] = engine.generate_batch([Request("我", plan=plan, seed=8)])
    assert other.seed == 8


@pytest.mark.parametrize(
    ("strategy", "width"),
    [({"strategy": "beam", "beams": 8}, 8), ({"strategy": "contrastive", "contrastive_top_k": 6}, 6)],
)
def test_a_search_never_has_more_rows_than_its_width(engine: Engine, strategy: dict[str, object], width: int) -> None:
    engine.generate("我想", max_new_tokens=20, **strategy)
    assert isinstance(engine.runner, HashRunner) and engine.runner.largest_batch <= width


@pytest.mark.parametrize("method", ["add", "append", "fork", "of"])
@pytest.mark.parametrize("at", range(1, 9))
def test_nothing_leaks_where_memory_runs_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, method: str, at: int
) -> None:
    """At each of the first calls that need memory, in the middle of beams, samples and drafts."""
    original: Callable[..., object] = getattr(TokenHistory, method)
    calls = 0

    def fail(self: TokenHistory, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == at:
            raise MemoryError
        return original(self, *arguments)

    monkeypatch.setattr(TokenHistory, method, fail)
    requests = [
        Request("我想", strategy="beam", max_new_tokens=6),
        Request("你", strategy="best_of_n", max_new_tokens=6),
        Request("你", strategy="nucleus", max_new_tokens=6, proposer="prompt_lookup"),
    ]
    with pytest.raises(MemoryError):
        engine.generate_batch(requests)
    assert isinstance(engine.runner, HashRunner) and engine.runner.rows == {}


def test_what_takes_long_to_make_holds_up_nobody_else(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    original = Choice.compile

    def slow(self: Choice, table: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return original(self, table)  # type: ignore[arg-type]

    monkeypatch.setattr(Choice, "compile", slow)
    asked = {"constraint": {"name": "choice", "choices": ["我"]}}
    thread = threading.Thread(target=lambda: engine.generate("我", strategy="greedy", **asked))  # type: ignore[arg-type]
    thread.start()
    try:
        assert begun.wait(20)
        started = time.monotonic()
        engine.generate("我", strategy="greedy", max_new_tokens=3)
        assert time.monotonic() - started < 10 and not go_on.is_set()
    finally:
        go_on.set()
        thread.join()


def test_a_plain_runner_may_have_fixed_shapes() -> None:
    class Plain(HashRunner):
        """As one that was written before runners kept hidden states."""

        def prefill(self, prompts: object) -> object:  # type: ignore[override]
            return super().prefill(prompts)  # type: ignore[arg-type]

    source = decoding_engine()
    runner = FixedShapes(Plain(source.tokenizer.vocabulary_size, 40))
    assert Engine(runner, source.tokenizer, source.plugins).generate("我", max_new_tokens=4).generated_tokens == 4


@pytest.mark.parametrize(
    "search", [{"search": "beam", "beams": 4}, {"search": "best_of_n", "best_of": 3}, {"search": "contrastive"}]
)
def test_the_history_follows_the_rows_of_a_search(search: dict[str, object]) -> None:
    """A transform of the history sees each row's own tokens, also after rows were forked and dropped."""
    engine = decoding_engine(memory=1, spread=3.0)
    for seed in range(8):
        asked = {"no_repeat_ngram_size": 2, "seed": seed, "max_new_tokens": 40, **search}
        text = engine.generate("我想", chain=["no_repeat_ngram"], **asked)
        for tokens in (text.token_ids, *(other.token_ids for other in text.others)):
            pairs = list(pairwise([*engine.tokenizer.encode("我想"), *tokens]))
            assert len(set(pairs)) == len(pairs)


def test_an_idle_transform_cannot_touch_a_row(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that breaks its word about its neutral value, among rows for which it acts."""
    idle = Request("我想", strategy="nucleus", options={"top_p": 1.0}, seed=3, max_new_tokens=20)
    acting = Request("我想", strategy="nucleus", options={"top_p": 0.5}, seed=4, max_new_tokens=20)
    [alone] = engine.generate_batch([idle])
    monkeypatch.setattr(TopP, "apply", lambda self, logits, options, context: -logits)
    assert engine.generate_batch([acting, idle, acting])[1] == alone
