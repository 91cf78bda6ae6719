"""Bad words never come to stand in a text, however it is cut into tokens, wherever they begin."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import NoBadWordsLogitsProcessor
from word_references import NOTHING, Pieces, banned_tokens, text_of

from support.decoder_helpers import context
from support.small_vocabularies import pair_tokenizer, word_tokenizer
from zaoju import Engine, StepContext, Tokenizer
from zaoju.contracts import Columns
from zaoju.generation.columns import stack_padded
from zaoju.testing import HashRunner, decoding_engine
from zaoju_builtin.decoding.transforms.bad_words import BadWords

LETTERS = b"abc"


def _columns(table: Pieces, words: Sequence[str], prompt: Sequence[int]) -> Columns:
    return stack_padded([BadWords().prepare({"bad_words": list(words)}, prompt, table)], torch.device("cpu"))


def _context(state: Columns, logits: torch.Tensor) -> StepContext:
    empty = context(logits, [[]] * len(logits))
    return StepContext(empty.index, empty.history, logits.shape[1], 0, empty.random, state)


pieces = st.lists(
    st.binary(min_size=1, max_size=4).map(lambda raw: bytes(LETTERS[byte % 3] for byte in raw)), max_size=9
)
words = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(pieces, words, st.lists(st.integers(0, 50), max_size=5), st.lists(st.integers(0, 50), max_size=25))
def test_exactly_the_tokens_that_complete_a_word_are_removed(
    some: list[bytes], forbidden: list[str], prompt: list[int], walk: list[int]
) -> None:
    """At every step of a random walk that takes allowed tokens, against a search through the bytes."""
    table = Pieces([None, b"a", b"b", b"c", b"", *some])
    prompt = [token % table.size for token in prompt]
    columns = _columns(table, forbidden, prompt)
    transform, logits = BadWords(), torch.zeros(1, table.size)
    state = transform.init_state(columns)
    written = text_of(table, prompt)
    for choice in walk:
        left = transform.apply(logits, columns, _context(state, logits))
        removed = {token for token in range(table.size) if left[0, token] == NOTHING}
        # The token that ends and the one that writes nothing are always there, so no row is ever empty here.
        assert removed == banned_tokens(forbidden, written, table)
        allowed = [token for token in range(table.size) if token not in removed]
        token = torch.tensor([allowed[choice % len(allowed)]])
        kept = {name: tensor.clone() for name, tensor in state.items()}
        following = transform.observe(state, token, logits, left, columns)
        assert all(torch.equal(state[name], kept[name]) for name in state), "a fork would see this"
        state, written = following, written + text_of(table, token.tolist())


@pytest.mark.parametrize("seed", range(20))
def test_letters_are_banned_as_tokens_are_in_transformers(seed: int) -> None:
    """Where each token is one letter, a word is one sequence of tokens, and the two mean the same."""
    draw = random.Random(seed)
    table = Pieces([None, *(bytes([letter]) for letter in b"abcd")])
    forbidden = {"".join(draw.choice("abcd") for _ in range(draw.randint(1, 3))) for _ in range(3)}
    prompts = [[draw.randint(1, 4) for _ in range(6)] for _ in range(50)]
    logits = torch.randn(50, table.size, generator=torch.Generator().manual_seed(seed))
    columns = stack_padded(
        [BadWords().prepare({"bad_words": [*forbidden]}, prompt, table) for prompt in prompts], torch.device("cpu")
    )
    ours = BadWords().apply(logits, columns, _context(BadWords().init_state(columns), logits))
    processor = NoBadWordsLogitsProcessor([table.encode(word) for word in forbidden], eos_token_id=0)
    assert torch.equal(ours, processor(torch.tensor(prompts), logits.clone()))
    assert ours.isneginf().any()


def test_where_nothing_else_is_left_the_row_stays() -> None:
    table = Pieces([None, b"a", b"b"])
    columns = _columns(table, ["a"], [])
    logits = torch.tensor([[NOTHING, 1.0, NOTHING]])
    state = BadWords().init_state(columns)
    assert torch.equal(BadWords().apply(logits, columns, _context(state, logits)), logits)


@pytest.mark.parametrize("make", [word_tokenizer, pair_tokenizer], ids=["words", "byte pairs"])
@pytest.mark.parametrize(
    "way",
    [
        {"strategy": "bad_words", "temperature": 1.5},
        {"chain": ["bad_words"], "search": "beam", "beams": 3},
        {"strategy": "bad_words", "proposer": {"name": "prompt_lookup", "min_ngram": 1}},
        {"chain": ["bad_words", "top_k"], "search": "best_of_n", "top_k": 30},
    ],
    ids=["plain", "beams", "drafts", "best of n"],
)
def test_no_text_of_an_engine_has_one(make: object, way: dict[str, object]) -> None:
    """Random models over real tokenizers; words of one to three characters, whose bytes are parts of tokens."""
    assert callable(make)
    tokenizer: Tokenizer = make()
    engine = Engine(HashRunner(tokenizer.vocabulary_size, 80, memory=2), tokenizer, decoding_engine().plugins)
    draw = random.Random(4)
    written = 0
    for seed in range(30):
        forbidden = [
            "".join(draw.choice("我们你春天来了花开，。") for _ in range(draw.randint(1, 3))) for _ in range(5)
        ]
        prompt = draw.choice(["我", "春", "你们", "春天来"])
        text = engine.generate(prompt, bad_words=forbidden, seed=seed, max_new_tokens=40, **way)
        for word in forbidden:
            assert (prompt + text.text).count(word) == prompt.count(word)
        written += text.generated_tokens
    assert written > 300


def test_without_it_the_words_do_come() -> None:
    """The negative control."""
    tokenizer = word_tokenizer()
    engine = Engine(HashRunner(tokenizer.vocabulary_size, 80, memory=2), tokenizer, decoding_engine().plugins)
    texts = [engine.generate("我", strategy="sample", seed=seed, max_new_tokens=40).text for seed in range(30)]
    assert sum("春" in text or "我们" in text for text in texts) > 5


def test_a_word_that_began_in_the_prompt_is_not_completed() -> None:
    """A model that wants nothing but 们, after 我 and after 你."""
    engine = decoding_engine()
    for prompt, begins in (("我", False), ("你", True)):
        text = engine.generate(
            prompt,
            chain=["logit_bias", "bad_words"],
            selector="argmax",
            logit_bias={"们": 1000},
            bad_words=["我们"],
            max_new_tokens=5,
        )
        assert text.text.startswith("们") == begins
        assert "们们们" in text.text
