"""A prompt that ends inside a token goes on with the whole token, in every way of writing, and with the right law."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from math import exp, log

import pytest
import torch
from tokenizers import models

from zaoju.generation import Engine, Generation, Request
from zaoju.generation.token_healing import Cuts, open_end
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer, byte_alphabet, byte_level_tokenizer, to_byte_level, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

WORDS = [
    *"我想你他要图书馆学人民中华共和国",
    "我想",
    "想要",
    "我想要",
    "图书",
    "图书馆",
    "中华",
    "人民",
    "中华人民共和国",
]
PROMPTS = ["我想", "中华人民共", "图", "他要图书", "图书馆", "你，", "，", "学"]
STRATEGIES = ["greedy", "sample", "top_k", "nucleus", "beam", "diverse_beam", "best_of_n", "contrastive", "mirostat"]


@pytest.fixture(scope="module")
def words() -> Tokenizer:
    return Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys(WORDS, -5.0)), None))


@pytest.fixture(scope="module")
def healing(words: Tokenizer, plugins: PluginManager) -> Engine:
    return Engine(HashRunner(words.vocabulary_size, 40), words, plugins)


def write(engine: Engine, prompt: str, strategy: str, **more: object) -> Generation:
    return engine.generate(prompt, strategy=strategy, seed=5, max_new_tokens=5, **more)  # type: ignore[arg-type]


def ruled(engine: Engine, monkeypatch: pytest.MonkeyPatch, rule: Callable[[str], dict[str, float]]) -> None:
    """Let the model give each token the probability that `rule` says after the text so far; the rest is shared."""
    runner, tokenizer = engine.runner, engine.tokenizer
    assert isinstance(runner, HashRunner)

    def logits(read: Sequence[int]) -> torch.Tensor:
        named = rule(tokenizer.decode(read))
        given = torch.full((runner.vocabulary_size,), log(max(1e-9, 1 - sum(named.values())) / runner.vocabulary_size))
        for text, probability in named.items():
            given[tokenizer.prefixes.exactly(text.encode())[0]] = log(probability)
        return given

    monkeypatch.setattr(runner, "_row", logits)


def test_the_word_goes_on_and_only_what_is_new_is_given(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(healing, monkeypatch, lambda text: {"图书馆": 0.6, "图书": 0.2} if text == "" else {"学": 0.9})
    one = write(healing, "图书", "greedy", logprobs=0)
    assert (one.healed, one.text) == ("图书", "馆学学学学")
    assert (one.prompt_tokens, one.generated_tokens, one.finish_reason) == (1, 5, "length")
    assert one.tokens is not None and [token.text for token in one.tokens] == ["图书馆", *"学学学学"]
    assert one.tokens[0].logprob == pytest.approx(log(0.6), abs=0.01)
    off = write(healing, "图书", "greedy", token_healing=False)
    assert (off.healed, off.text, off.prompt_tokens) == ("", "学学学学学", 2)


def test_a_prompt_that_is_whole_stays_as_it_is(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(healing, monkeypatch, lambda text: {"图书馆": 0.1, "图书": 0.7} if text == "" else {"学": 0.9})
    one = write(healing, "图书", "greedy")
    assert (one.healed, one.text, one.prompt_tokens, one.generated_tokens) == ("", "学学学学学", 2, 5)


def test_a_cut_counts_by_all_its_tokens(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """中华 is ten times as frequent as 中华人民共和国, but what the prompt goes on with is never said so."""
    rules = {"": {"中华": 0.5, "中华人民共和国": 0.05}, "中华": {"学": 0.999}}
    ruled(healing, monkeypatch, lambda text: rules.get(text, {"学": 0.9}))
    one = write(healing, "中华人民共", "greedy")
    assert (one.healed, one.text) == ("中华人民共", "和国学学学学")


def test_the_tokens_before_the_word_may_be_others_than_the_tokenizer_gave(
    healing: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {"": {"我想": 0.1, "我": 0.8}, "我": {"想要": 0.9}}
    ruled(healing, monkeypatch, lambda text: rules.get(text, {"学": 0.9}))
    assert healing.tokenizer.encode("我想") == healing.tokenizer.prefixes.exactly("我想".encode())
    one = write(healing, "我想", "greedy")
    assert (one.healed, one.text, one.prompt_tokens) == ("想", "要学学学学", 2)


def covers(engine: Engine, prompt: str) -> Iterator[tuple[tuple[int, ...], bytes, float]]:
    """All cuts of a prompt of at most so many tokens as it has, with their probabilities, by looking at everything."""
    runner, tokenizer = engine.runner, engine.tokenizer
    assert isinstance(runner, HashRunner)
    end, most = prompt.encode(), len(tokenizer.encode(prompt))

    def go(tokens: tuple[int, ...], rest: bytes, probability: float) -> Iterator[tuple[tuple[int, ...], bytes, float]]:
        shares = runner._row([*tokenizer.beginning, *tokens]).double().softmax(0).tolist()
        raws = [(token, raw) for token in range(tokenizer.vocabulary_size) if (raw := tokenizer.token_bytes(token))]
        longer = sum(shares[token] for token, raw in raws if raw.startswith(rest) and len(raw) > len(rest))
        if longer:
            yield tokens, rest, probability * longer
        for token, raw in raws:
            if rest.startswith(raw) and len(tokens) < most:
                there = (*tokens, token), rest[len(raw) :], probability * shares[token]
                if there[1]:
                    yield from go(*there)
                else:
                    yield there

    yield from go((), end, 1.0)


@pytest.mark.parametrize("prompt", ["我想", "中华人民共", "图", "图书"])
def test_the_weights_of_the_cuts_are_exact(healing: Engine, prompt: str) -> None:
    runner, tokenizer = healing.runner, healing.tokenizer
    assert isinstance(runner, HashRunner)
    exact = {(tokens, rest): weight for tokens, rest, weight in covers(healing, prompt)}
    end = open_end(tokenizer, tokenizer.encode(prompt), keep=0, size=tokenizer.vocabulary_size)
    assert end is not None and end.text == prompt.encode()
    cuts = Cuts(end, runner._row(tokenizer.beginning))
    while (tokens := cuts.read_next()) is not None:
        read = [runner._row([*tokenizer.beginning, *tokens[: length + 1]]) for length in range(len(tokens))]
        cuts.take(tokens, torch.stack(read))
    found = {(cut.tokens, cut.rest): exp(cut.score) for cut in cuts.found}
    assert len(found) == len(cuts.found)
    for cut, weight in found.items():
        assert weight == pytest.approx(exact[cut], rel=1e-5)
    assert sum(found.values()) > 0.9 * sum(exact.values())


def test_texts_are_drawn_by_the_model_s_own_law(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {
        "": {"我想": 0.1, "我": 0.4, "我想要": 0.1},
        "我": {"想要": 0.5, "你": 0.5},
        "我想": {"学": 0.5, "他": 0.5},
    }
    ruled(healing, monkeypatch, lambda text: rules.get(text, {"学": 0.9}))
    count = 600
    requests = [Request("我想", strategy="sample", seed=seed, max_new_tokens=1) for seed in range(count)]
    texts = [one.text for one in healing.generate_batch(requests)]
    shares = {text: texts.count(text) / count for text in ("要", "学", "他")}
    assert shares == pytest.approx({"要": 0.75, "学": 0.125, "他": 0.125}, abs=0.05)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_way_of_writing(healing: Engine, strategy: str) -> None:
    healed = 0
    for prompt in PROMPTS:
        one = write(healing, prompt, strategy, stop=["学"], logprobs=1)
        raw = b"".join(healing.tokenizer.token_bytes(token) or b"" for token in one.token_ids)
        begins = one.healed.encode()
        assert prompt.encode().endswith(begins) and raw.startswith(begins)
        written = raw[len(begins) :].decode("utf-8", errors="replace")
        assert written == one.text if one.stop is None else written.startswith(one.text + one.stop)
        assert one.tokens is not None and len(one.tokens) == one.generated_tokens == len(one.token_ids) <= 5
        chunks = list(healing.stream(prompt, strategy=strategy, seed=5, max_new_tokens=5, stop=["学"], logprobs=1))
        assert "".join(chunk.text for chunk in chunks) == one.text and chunks[-1].generation == one
        healed += bool(begins)
    assert healed
    assert isinstance(healing.runner, HashRunner) and healing.runner.rows == {}


def test_alone_and_in_a_batch_with_drafts_and_without_taking_back(
    words: Tokenizer, plugins: PluginManager, healing: Engine
) -> None:
    requests = [
        Request(prompt, strategy=strategy, seed=number, max_new_tokens=4, logprobs=0)
        for number, strategy in enumerate(STRATEGIES)
        for prompt in PROMPTS
    ]
    alone = [healing.generate_batch([request])[0] for request in requests]
    assert sum(bool(one.healed) for one in alone) > 20
    assert healing.generate_batch(requests, batch_size=9) == alone
    plain = HashRunner(words.vocabulary_size, 40)
    plain.abilities = frozenset({"hidden"})
    assert Engine(plain, words, plugins).generate_batch(requests) == alone
    assert plain.rows == {}
    greedy = [write(healing, prompt, "greedy") for prompt in PROMPTS]
    drafted = [write(healing, prompt, "greedy", proposer="prompt_lookup") for prompt in PROMPTS]
    assert [one.token_ids for one in drafted] == [one.token_ids for one in greedy]


@pytest.mark.parametrize("strategy", ["sample", "beam"])
@pytest.mark.parametrize("prompt", ["图书馆", "你，", "他要国"])
def test_without_a_longer_token_nothing_changes(healing: Engine, prompt: str, strategy: str) -> None:
    tokenizer = healing.tokenizer
    assert open_end(tokenizer, tokenizer.encode(prompt), keep=0, size=tokenizer.vocabulary_size) is None
    runner = healing.runner
    assert isinstance(runner, HashRunner)
    before = runner.passes
    on = write(healing, prompt, strategy, logprobs=2)
    between = runner.passes
    off = write(healing, prompt, strategy, logprobs=2, token_healing=False)
    assert between - before == runner.passes - between
    assert (on.text, on.token_ids, on.tokens, on.prompt_tokens) == (
        off.text,
        off.token_ids,
        off.tokens,
        off.prompt_tokens,
    )


def test_a_whole_prompt_is_continued_as_without_healing(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same text, where the prompt ends with a token's end after all."""
    ruled(healing, monkeypatch, lambda text: {"图书": 0.9999} if text == "" else dict.fromkeys("学我他你", 0.25))
    for seed in range(20):
        on, off = (
            healing.generate("图书", strategy="sample", seed=seed, max_new_tokens=6, token_healing=switch)
            for switch in (True, False)
        )
        assert on.token_ids == off.token_ids


def test_a_token_that_goes_over_the_bytes_of_a_character(
    plugins: PluginManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    across = "想要".encode()[2:5]
    vocabulary = [*((character, -9.0) for character in byte_alphabet()), (to_byte_level("我"), -2.0)]
    vocabulary.append(("".join(byte_alphabet()[byte] for byte in across), -8.0))
    backend = byte_level_tokenizer(models.Unigram(vocabulary, unk_id=None, byte_fallback=False), runs=False)
    tokenizer = Tokenizer(with_end_of_text(backend, None))
    engine = Engine(HashRunner(tokenizer.vocabulary_size, 40), tokenizer, plugins)
    [token] = tokenizer.prefixes.exactly(across)
    last = tokenizer.prefixes.exactly("要".encode()[2:])[0]
    read_before = [*tokenizer.beginning, *tokenizer.encode("我想")][:-1]

    def logits(read: Sequence[int]) -> torch.Tensor:
        given = torch.full((tokenizer.vocabulary_size,), -5.0)
        given[token if list(read) == read_before else last] = 5.0
        return given

    monkeypatch.setattr(engine.runner, "_row", logits)
    one = engine.generate("我想", strategy="greedy", max_new_tokens=2)
    assert (one.text, one.healed, one.token_ids) == ("要", r"\xb3", (token, last))
    assert "".join(chunk.text for chunk in engine.stream("我想", strategy="greedy", max_new_tokens=2)) == "要"


def test_nothing_is_chosen_before_forbidden_words_are_asked_about(
    healing: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer token that holds such a word would be all that goes on from its cut; an idle transform asks nothing."""
    ruled(healing, monkeypatch, lambda text: {"中华人民共和国": 0.9})
    chain = ["no_repeat_ngram", "bad_words", "logit_bias", "temperature"]
    idle = {"bad_words": [], "logit_bias": {}, "no_repeat_ngram_size": 0}

    def written(**options: object) -> Generation:
        way = {"chain": chain, "selector": "argmax", "max_new_tokens": 1, **idle, **options}
        return healing.generate("中华人民共", **way)  # type: ignore[arg-type]

    for options in ({"bad_words": ["和国"]}, {"logit_bias": {"学": 1.0}}, {"no_repeat_ngram_size": 1}):
        text = written(**options)
        assert text.healed == "" and ("和国" not in text.text or "bad_words" not in options)
    assert (written().healed, written().text) == ("中华人民共", "和国")


def test_constraints_and_rows_after_other_prompts_are_left_alone(
    healing: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled(healing, monkeypatch, lambda text: {"图书馆": 0.9} if text == "" else {"学": 0.9})
    choice = {"name": "choice", "choices": ["学", "馆"]}
    assert healing.generate("图书", strategy="greedy", constraint=choice).text == "学"
    assert write(healing, "图书", "guidance").healed == ""


def test_a_cancelled_search_keeps_the_cut(healing: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ruled(healing, monkeypatch, lambda text: {"图书馆": 0.9} if text == "" else {"学": 0.9})
    cancel = threading.Event()
    stream = healing.stream("图书", strategy="beam", max_new_tokens=5, cancel=cancel)
    said = [next(stream).text]
    cancel.set()
    chunks = list(stream)
    last = chunks[-1].generation
    assert last is not None and last.finish_reason == "cancelled" and last.healed == "图书"
    assert last.text.startswith("馆") and last.text == "".join([*said, *(chunk.text for chunk in chunks)])


@pytest.mark.parametrize("room", [3, 4, 5])
def test_a_prompt_that_fills_the_context(words: Tokenizer, plugins: PluginManager, room: int) -> None:
    engine = Engine(HashRunner(words.vocabulary_size, room), words, plugins)
    for strategy in ("greedy", "beam"):
        one = write(engine, "中华人民共", strategy) if room >= 4 else write(engine, "我想", strategy)
        assert one.finish_reason in ("context", "length", "end_of_text")
        assert one.prompt_tokens + one.generated_tokens <= room + 1
