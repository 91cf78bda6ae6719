"""Which tokens begin with given bytes, against a look at every token."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.tokenization import Tokenizer
from zaoju.tokenization.prefixes import LONGEST, TokenPrefixes

RAW = st.binary(max_size=4) | st.lists(st.sampled_from([0, 1, 254, 255]), max_size=4).map(bytes)


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.lists(RAW, max_size=30), RAW)
def test_a_range_is_what_a_look_at_every_token_finds(tokens: list[bytes], text: bytes) -> None:
    prefixes = TokenPrefixes(enumerate(tokens))
    longer = [number for number, raw in enumerate(tokens) if raw.startswith(text) and len(raw) > len(text)]
    assert sorted(prefixes.longer(text)) == longer
    assert prefixes.has_longer(text) == bool(longer)
    assert prefixes.exactly(text) == [number for number, raw in enumerate(tokens) if raw == text and raw]


def test_tokens_beyond_the_bound_are_not_there() -> None:
    prefixes = TokenPrefixes([(0, b" " * LONGEST), (1, b" " * (LONGEST + 1)), (2, b"a")])
    assert prefixes.longest == LONGEST
    assert prefixes.longer(b" ") == [0]
    assert TokenPrefixes([]).longest == 0


def test_a_tokenizer_keeps_them(tokenizers: dict[str, Tokenizer]) -> None:
    for tokenizer in tokenizers.values():
        assert tokenizer.prefixes is tokenizer.prefixes
        [small] = tokenizer.prefixes.exactly("小".encode())
        assert tokenizer.token_bytes(small) == "小".encode()
        assert tokenizer.end_of_text not in tokenizer.prefixes.longer(b"<")
