"""Every way of decoding that zaoju has works on llama.cpp's logits as it does on any other's."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import pytest  # noqa: E402
import torch  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import Engine, Generation, Request  # noqa: E402
from zaoju.evaluation import bits_per_character  # noqa: E402
from zaoju.generation import LeanRunner  # noqa: E402

LOOKUP: Mapping[str, object] = {"name": "prompt_lookup", "min_ngram": 1, "max_tokens": 6}
PLAIN: tuple[Mapping[str, object], ...] = (
    {"strategy": "greedy"},
    {"strategy": "greedy", "options": {"repetition_penalty": 1.4}},
    {"strategy": "nucleus", "options": {"top_p": 0.7}},
    {"strategy": "top_k", "options": {"top_k": 5, "temperature": 1.5}},
    {"strategy": "mirostat", "options": {"mirostat_tau": 3.0}},
    {"strategy": "dry", "options": {"dry_multiplier": 0.8}},
    {"strategy": "nucleus", "constraint": {"name": "regex", "pattern": "[我你他想在]{2,12}(。|，)[家好]*"}},
)
SEARCHES: tuple[Mapping[str, object], ...] = (
    {"strategy": "beam", "options": {"beams": 3}},
    {"strategy": "diverse_beam", "options": {"beams": 4, "beam_groups": 2}},
    {"strategy": "contrastive", "options": {"contrastive_top_k": 3}},
    {"strategy": "best_of_n", "options": {"best_of": 3, "temperature": 1.2}},
    {"strategy": "guidance", "options": {"guidance_scale": 2.0, "negative_prompt": "他在家里"}},
)
PROMPTS = ("我想", "你", "", "他在家里", "龘龘", "我们说再见", "好好好好好好好", "我们在学校看着天。他们在这里" * 2)


def mixed_requests(
    count: int, seed: int, *, ways: tuple[Mapping[str, object], ...] = PLAIN + SEARCHES
) -> list[Request]:
    draw = random.Random(seed)
    return [
        Request(
            draw.choice(PROMPTS),
            seed=draw.randrange(1000),
            max_new_tokens=draw.randint(1, 14),
            stop=draw.choice([(), (), ("天", "心")]),
            logprobs=draw.choice([None, 2]),
            **draw.choice(ways),  # type: ignore[arg-type]  # keyword arguments of several types
        )
        for _ in range(count)
    ]


def drafted(request: Request) -> Request:
    """The same, with drafts where they can be."""
    return replace(request, proposer=LOOKUP) if request.strategy in {way.get("strategy") for way in PLAIN} else request


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return support.saved(support.transformers_model(), tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small GPT-2 that has learned to write; tests only read it."""
    return support.saved(support.trained_gpt2(), tmp_path_factory.mktemp("trained"))


@pytest.fixture
def engine(llama_folder: Path) -> Engine:
    return support.llamacpp_engine(llama_folder)


def runner_of(engine: Engine) -> LlamaCppRunner:
    runner = getattr(engine.runner, "inner", engine.runner)
    assert isinstance(runner, LlamaCppRunner)
    return runner


def assert_empty(engine: Engine) -> None:
    """No row lives, and llama.cpp's own memory holds no token of any sequence."""
    runner = runner_of(engine)
    assert runner._rows == {}
    assert {runner._context.length(sequence) for sequence in range(runner._context.rows)} == {0}


def same(one: Generation, other: Generation) -> None:
    """The same text, for the same reason; the log-probabilities but for rounding."""
    assert (one.text, one.token_ids, one.finish_reason) == (other.text, other.token_ids, other.finish_reason)
    assert (one.tokens is None) == (other.tokens is None)
    for here, there in zip(one.tokens or (), other.tokens or (), strict=True):
        assert here.token == there.token and here.logprob == pytest.approx(there.logprob, abs=1e-3)
        assert [best.token for best in here.top] == [best.token for best in there.top]


@pytest.mark.parametrize("way", PLAIN + SEARCHES, ids=lambda way: "-".join(map(str, way.values()))[:40])
def test_the_texts_are_those_of_the_model_in_torch(way: Mapping[str, object], llama_folder: Path) -> None:
    """Equal logits but for rounding, and so the same texts by every strategy, search and constraint."""
    ours = support.llamacpp_engine(llama_folder)
    theirs = Engine.load(llama_folder, device="cpu", share_prefixes=False)
    assert not isinstance(theirs.runner, LlamaCppRunner)
    requests = [
        Request(prompt, seed=seed, max_new_tokens=14, logprobs=2, **way)  # type: ignore[arg-type]  # of several types
        for seed, prompt in enumerate(PROMPTS)
    ]
    pairs = zip(ours.generate_batch(requests), theirs.generate_batch(requests), strict=True)
    for one, other in pairs:
        same(one, other)
    assert_empty(ours)


def test_alone_and_in_company_the_texts_are_equal(engine: Engine) -> None:
    requests = mixed_requests(40, seed=1)
    together = engine.generate_batch(requests, batch_size=16)
    for request, text in zip(requests, together, strict=True):
        same(engine.generate_batch([request])[0], text)
    assert len({text.text for text in together}) > 20
    assert_empty(engine)


def test_drafts_do_not_change_a_text(engine: Engine) -> None:
    requests = mixed_requests(40, seed=2, ways=PLAIN)
    with_drafts = engine.generate_batch([drafted(request) for request in requests])
    for text, plain in zip(with_drafts, engine.generate_batch(requests), strict=True):
        same(text, plain)
    assert sum(text.kept_drafts for text in with_drafts) > 0
    assert sum(text.kept_drafts for text in with_drafts) < sum(text.drafted_tokens for text in with_drafts)
    assert_empty(engine)


class Impatient:
    """Listens to the events of a batch, and cancels it after so many of them; never where that is None."""

    def __init__(self, cancel: threading.Event, patience: int | None) -> None:
        self.cancel = cancel
        self.left = patience

    def __call__(self, event: object) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.cancel.set()


def test_two_hundred_requests_that_join_and_leave(llama_folder: Path) -> None:
    """With drafts, shared beginnings, stops, cancels and little memory: no cell is lost, no text is."""
    engine = support.llamacpp_engine(llama_folder, share_prefixes=True, context=768, rows=24)
    draw = random.Random(4)
    for burst in range(8):
        requests = [drafted(request) for request in mixed_requests(25, seed=burst)]
        cancel, patience = threading.Event(), draw.choice([None, 3, 20])
        on_event = Impatient(cancel, patience)
        texts = engine.generate_batch(requests, batch_size=draw.choice([2, 8, 20]), cancel=cancel, on_event=on_event)
        assert len(texts) == 25
        for text in texts:
            decoded = engine.tokenizer.decode(text.token_ids)
            assert text.text == (decoded if text.stop is None else decoded[: decoded.index(text.stop)])
            assert patience is not None or text.finish_reason != "cancelled"
    runner = runner_of(engine)
    kept = len(runner._rows)
    assert kept <= 24 and sum(runner._context.length(row.sequence) for row in runner._rows.values()) <= 768
    runner.drop(list(runner._rows))
    rows, _ = runner.prefill([[1] * support.CONTEXT] * (768 // support.CONTEXT))
    runner.drop(rows)
    for sequence in range(24):
        assert runner._context.length(sequence) == 0


def test_streams_that_are_left_free_their_rows(engine: Engine) -> None:
    cancel = threading.Event()
    for request in (Request("我想", seed=1), Request("我想", strategy="beam", options={"beams": 3})):
        closed = engine.stream_request(request)
        next(closed)
        closed.close()
        dropped = engine.stream_request(request)
        next(dropped)
        del dropped
        assert_empty(engine)
    cancelled = engine.stream("他在", seed=1, max_new_tokens=30, cancel=cancel)
    next(cancelled)
    assert runner_of(engine)._rows
    cancel.set()
    *_, last = cancelled
    assert last.generation is not None and last.generation.finish_reason == "cancelled"
    assert_empty(engine)


def test_more_texts_than_memory_wait_for_their_turn(llama_folder: Path) -> None:
    """256 cells hold four full rows; forty texts of up to 64 tokens get through all the same."""
    engine = support.llamacpp_engine(llama_folder, context=256)
    requests = [
        Request("我想" * 10, seed=seed, strategy="top_k", options={"top_k": 0}, max_new_tokens=60) for seed in range(40)
    ]
    texts = engine.generate_batch(requests, batch_size=40)
    assert max(text.generated_tokens for text in texts) > 30
    assert_empty(engine)


def test_a_long_prompt_is_read_in_pieces(llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = support.llamacpp_engine(llama_folder)
    whole = engine.generate("我们在学校看着天" * 3, seed=2, max_new_tokens=20)
    runner_of(engine).tokens_per_pass = 5
    lengths = count_fed_tokens(engine, monkeypatch)
    same(engine.generate("我们在学校看着天" * 3, seed=2, max_new_tokens=20), whole)
    assert max(lengths) == 5 and lengths.count(5) >= 2


def test_fewer_cells_than_rows(llama_folder: Path) -> None:
    """llama.cpp itself would end the process."""
    engine = support.llamacpp_engine(llama_folder, context=48)
    assert runner_of(engine).most_rows(1) == 48
    assert engine.generate("我想", seed=1, max_new_tokens=5).generated_tokens


def count_fed_tokens(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by how many tokens each pass of llama.cpp takes."""
    context, lengths = runner_of(engine)._context, list[int]()
    decode = context.decode

    def counting(
        sequences: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]], *, every: bool
    ) -> torch.Tensor:
        lengths.append(sum(map(len, tokens)))
        return decode(sequences, starts, tokens, every=every)

    monkeypatch.setattr(context, "decode", counting)
    return lengths


def test_beginnings_are_read_once(llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few-shot prompts: the tokens that they share are fed to llama.cpp once."""
    prompts = [("我们在学校看着天，他们在家里想着过去。" * 2)[:-1] + end for end in "你他我"]
    requests = [Request(prompt, seed=1, max_new_tokens=8, logprobs=1) for prompt in prompts]
    texts, fed = [], []
    for share in (False, True):
        engine = support.llamacpp_engine(llama_folder, share_prefixes=share)
        lengths = count_fed_tokens(engine, monkeypatch)
        texts.append(engine.generate_batch(requests))
        fed.append(sum(lengths))
    for one, other in zip(*texts, strict=True):
        same(one, other)
    shared = len(engine.tokenizer.encode(prompts[0])) - 1
    assert fed[0] - fed[1] >= 2 * (shared - 1)


def test_bits_per_character(trained_folder: Path) -> None:
    """In 32 bits those of the model in torch, in about 8 within one in a hundred."""
    lean = Engine.load(trained_folder, device="cpu", runner="lean", share_prefixes=False)
    assert isinstance(lean.runner, LeanRunner)

    def bits(engine: Engine) -> float:
        texts = support.sentences(100, seed=9)
        quiet = {"emit": lambda event: None, "cancel": threading.Event()}
        return bits_per_character(engine.runner, engine.tokenizer, texts, **quiet).bits_per_character  # type: ignore[arg-type]  # of two types

    exact = bits(lean)
    assert exact < 1.5, "the model has learned something"
    assert bits(support.llamacpp_engine(trained_folder)) == pytest.approx(exact, rel=1e-4)
    assert bits(support.llamacpp_engine(trained_folder, precision="f16")) == pytest.approx(exact, rel=1e-3)
    small = bits(support.llamacpp_engine(trained_folder, precision="q8_0"))
    assert small == pytest.approx(exact, rel=0.01) and small != exact


def test_the_logits_of_a_trained_gpt2(trained_folder: Path) -> None:
    """Within 1e-3 of the lean runner's, for all the table that llama.cpp keeps its GELU in."""
    lean = Engine.load(trained_folder, device="cpu", runner="lean", share_prefixes=False)
    ours = support.llamacpp_engine(trained_folder)
    prompts = [[lean.tokenizer.end_of_text, *lean.tokenizer.encode(text)] for text in support.sentences(20, seed=9)]
    expected, given = (torch.cat([each.runner.prefill([prompt])[1] for prompt in prompts]) for each in (lean, ours))
    assert expected.std() > 1
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-3)
