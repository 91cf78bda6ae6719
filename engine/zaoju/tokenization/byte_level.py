"""The byte-level alphabet, which makes any vocabulary lossless.

GPT-2 (Radford et al. 2019) writes each of the 256 bytes as one printable character, so a vocabulary that holds these
256 characters can write every text, with no unknown token and no spelling of a byte that a text could contain as well.
Everything here is public: a plugin's vocabulary builder needs the same parts as the builtins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

END_OF_TEXT = "<|endoftext|>"
"""The engine's special token between documents. Builders never learn this string as a token."""

LONGEST_RUN = 16
"""How many characters a run has at most: WordPiece takes time by the square of it, and no token is longer."""

_BYTE_PENALTY = 10.0


@cache
def byte_alphabet() -> tuple[str, ...]:
    """The character that stands for each byte, in the order of the bytes: printable Latin-1 stands for itself."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    stand_ins = {byte: chr(256 + position) for position, byte in enumerate(others)}
    return tuple(stand_ins.get(byte, chr(byte)) for byte in range(256))


@cache
def _byte_of_character() -> dict[str, int]:
    return {character: byte for byte, character in enumerate(byte_alphabet())}


@cache
def _translation() -> dict[int, str]:
    return dict(enumerate(byte_alphabet()))


def to_byte_level(text: str) -> str:
    """`text` in the byte-level alphabet: one character for each byte of its UTF-8."""
    return text.encode("utf-8").decode("latin-1").translate(_translation())


def from_byte_level(token: str) -> bytes:
    """The bytes that `token`, written in the byte-level alphabet, stands for.

    Raises `ValueError` for a character outside the alphabet.
    """
    byte_of = _byte_of_character()
    try:
        return bytes([byte_of[character] for character in token])
    except KeyError as missing:
        raise ValueError(f"{token!r} is not in the byte-level alphabet: {missing.args[0]!r}") from None


def run_splitter() -> pre_tokenizers.PreTokenizer:
    """Cuts text where its kind changes: Han, other letters, digits, white space, everything else.

    One blank goes with the letters after it, as in GPT-2. A run has at most `LONGEST_RUN` characters. No run holds both
    `<|` and letters, so what is learned within runs never spells a special token.
    """
    bound = f"{{1,{LONGEST_RUN}}}"
    letters = r"[\p{L}\p{M}&&[^\p{Han}]]"
    runs = rf"\p{{Han}}{bound}| ?{letters}{bound}|\p{{N}}{bound}|\s{bound}|[^\p{{L}}\p{{M}}\p{{N}}\s]{bound}"
    return pre_tokenizers.Split(Regex(runs), "isolated")


def byte_level_tokenizer(model: models.Model, *, runs: bool) -> Tokenizer:
    """A tokenizer around a model whose vocabulary is written in the byte-level alphabet.

    With `runs`, text is first cut by `run_splitter`; without, the model sees each text whole.
    """
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([run_splitter(), to_bytes]) if runs else to_bytes
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram_tokenizer(scores: Mapping[str, float]) -> Tokenizer:
    """A lossless tokenizer that cuts text into its most probable words; it needs no segmenter.

    `scores` gives each word, in plain text, its natural log-probability, as in the unigram language model of Kudo
    (2018). The 256 bytes are added as the first tokens. They score so low that a byte is used only for what no word of
    `scores` covers. The string `<|endoftext|>` is left out: the engine adds it as a special token.
    """
    # Six decimals come back from a file as they were; the library reads longer ones with an error in the last digit.
    byte_level = {
        to_byte_level(word): round(score, 6) for word, score in scores.items() if word and word != END_OF_TEXT
    }
    byte_score = min([0.0, *byte_level.values()]) - _BYTE_PENALTY
    alphabet = byte_alphabet()
    vocabulary = [(character, byte_level.pop(character, byte_score)) for character in alphabet]
    vocabulary += sorted(byte_level.items(), key=lambda item: (-item[1], item[0]))
    return byte_level_tokenizer(models.Unigram(vocabulary, unk_id=None, byte_fallback=False), runs=False)


def room_for_words(size: int) -> int:
    """How many tokens a vocabulary of `size` has beside the 256 bytes and the end-of-text token."""
    return size - len(byte_alphabet()) - 1


def places_taken(words: Iterable[str]) -> int:
    """How many places `words` take beside the 256 bytes: none for an ASCII character, which is one of them."""
    return sum(len(word) > 1 or not word.isascii() for word in words)
