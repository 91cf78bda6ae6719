"""Whatever the vocabulary is and however a text is written, no bad word comes to stand in it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from word_references import new_words, text_of

from support.small_vocabularies import table_of
from zaoju import Engine, Request, Tokenizer
from zaoju.testing import HashRunner, decoding_engine
from zaoju.tokenization import unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

LETTERS = "a甲"
WAYS: tuple[dict[str, Any], ...] = (
    {"selector": "sample"},
    {"selector": "sample", "proposer": {"name": "prompt_lookup", "min_ngram": 1}},
    {"search": "beam"},
    {"search": "best_of_n"},
)

pieces = st.sets(st.text(LETTERS, min_size=1, max_size=4), min_size=1, max_size=6)
words = st.lists(st.text(LETTERS, min_size=2, max_size=5), min_size=1, max_size=2)
one_each = {"min_size": len(WAYS), "max_size": len(WAYS)}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(pieces, st.lists(words, **one_each), st.lists(st.text(LETTERS, max_size=4), **one_each), st.integers(0, 99))
def test_no_word_comes_that_did_not_stand_in_the_prompt(
    vocabulary: set[str], forbidden: list[list[str]], prompts: list[str], seed: int
) -> None:
    """Plain, with drafts and in two searches, in one batch with words of their own each, judged by the bytes.

    The bias makes the model write little but the letters of the words: whole, several at once, and byte by byte.
    """
    known = unigram_tokenizer(dict.fromkeys(sorted(vocabulary), -5.0))
    tokenizer = Tokenizer(with_end_of_text(known, None))
    engine = Engine(HashRunner(tokenizer.vocabulary_size, 60, memory=2), tokenizer, decoding_engine().plugins)
    table, letters = table_of(tokenizer), set(LETTERS.encode())
    written = {token: table.bytes_of(token) for token in range(table.size)}
    likely = {f"id:{token}": 12.0 for token, piece in written.items() if piece and set(piece) <= letters}
    requests = [
        Request(
            prompt,
            chain=("logit_bias", "bad_words"),
            options={"logit_bias": likely, "bad_words": own},
            seed=seed,
            max_new_tokens=40,
            **way,
        )
        for prompt, own, way in zip(prompts, forbidden, WAYS, strict=True)
    ]
    for request, own, text in zip(requests, forbidden, engine.generate_batch(requests), strict=True):
        assert new_words(own, request.prompt.encode(), text_of(table, text.token_ids)) == []
