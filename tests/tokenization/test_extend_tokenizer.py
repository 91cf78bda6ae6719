"""A larger vocabulary: every old token stays, every new one is reached, and text becomes shorter."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from support.small_vocabularies import pair_tokenizer, word_tokenizer
from zaoju import ArtefactError, PluginManager, Tokenizer
from zaoju.testing import HOSTILE_TEXTS
from zaoju.tokenization import (
    ExtendedTokenizer,
    byte_alphabet,
    byte_level_tokenizer,
    extend_by_corpus,
    extend_by_words,
    to_byte_level,
)
from zaoju.tokenization.parts import with_end_of_text

PLUGINS = PluginManager.discover()
WORDS = ["我想", "北京大学", "人工智能", "春天", "北京", "𠮷野", "hello", "我"]
CORPUS = [
    ["我", "想", "去", "北京", "，", "北京大学", "在", "北京", "。"],
    ["春天", "来", "了", "，", "我", "想", "家", "。"],
] * 5
TEXT = "我想去北京大学看春天的人工智能。Hello world 1984，𠮷野家 é́"


def word_piece_tokenizer() -> Tokenizer:
    tokens = dict.fromkeys([*byte_alphabet(), *map(to_byte_level, ("我", "天", "春天", "hello"))])
    model = models.WordPiece(
        {token: number for number, token in enumerate(tokens)},
        unk_token=byte_alphabet()[0],
        max_input_chars_per_word=68,
        continuing_subword_prefix="",
    )
    return Tokenizer(with_end_of_text(byte_level_tokenizer(model, runs=True), None))


def english_pairs() -> Tokenizer:
    """Like GPT-2's: learned from English, with GPT-2's own way to part text, and three bytes that it never saw."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    seen = [letter for byte, letter in enumerate(byte_alphabet()) if byte not in (0xE6, 0xF0, 0x04)]
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=seen, show_progress=False)
    backend.train_from_iterator(["the cat sat on the mat, and the dog barked at the cat"] * 3, trainer)
    return Tokenizer(with_end_of_text(backend, None))


KINDS = {
    "pairs": pair_tokenizer,
    "english pairs": english_pairs,
    "unigram": word_tokenizer,
    "word pieces": word_piece_tokenizer,
}


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a tokenizer."""
    KINDS[request.param]().save(tmp_path / "old")
    return tmp_path / "old"


def vocabulary(tokenizer: Tokenizer) -> dict[str, int]:
    found: dict[str, int] = tokenizer._backend.get_vocab(with_added_tokens=True)
    return found


def check_whole(folder: Path, extended: ExtendedTokenizer) -> None:
    """What holds for every extension."""
    before, after = Tokenizer.load(folder, PLUGINS), extended.tokenizer
    assert extended.first_new == before.vocabulary_size
    assert after.vocabulary_size == before.vocabulary_size + len(extended.parts)
    assert vocabulary(before).items() <= vocabulary(after).items()
    assert (after.end_of_text, after.beginning) == (before.end_of_text, before.beginning)
    assert all(parts and all(0 <= part < extended.first_new for part in parts) for parts in extended.parts)
    for text in HOSTILE_TEXTS.values():
        ids = after.encode(text)
        assert after.decode(ids) == text
        assert after.end_of_text not in ids
    for token, left, right in extended.splits:
        assert before.token_bytes(token) == (before.token_bytes(left) or b"") + (before.token_bytes(right) or b"")


def test_every_word_becomes_one_token(old: Path) -> None:
    extended = extend_by_words(old, PLUGINS, WORDS, None)
    check_whole(old, extended)
    assert not extended.unreachable
    assert {*extended.added, *extended.known} == set(WORDS)
    for word in WORDS:
        [token] = extended.tokenizer.encode(word)
        assert extended.tokenizer.decode([token]) == word
    before = Tokenizer.load(old, PLUGINS)
    assert len(extended.tokenizer.encode(TEXT)) < len(before.encode(TEXT))


def test_parts_are_what_the_old_tokenizer_wrote(old: Path) -> None:
    before = Tokenizer.load(old, PLUGINS)
    extended = extend_by_words(old, PLUGINS, WORDS, None)
    if extended.bytes_added:
        pytest.skip("it lost text before")
    for word in extended.added:
        [token] = extended.tokenizer.encode(word)
        assert extended.parts[token - extended.first_new] == tuple(before.encode(word))


def test_old_tokens_are_still_found(old: Path) -> None:
    """Each old token that its own text gave is given by it still, or by one new token of the same text."""
    before, after = Tokenizer.load(old, PLUGINS), extend_by_words(old, PLUGINS, WORDS, None).tokenizer
    for token in range(before.vocabulary_size):
        text = (before.token_bytes(token) or b"\xff").decode("utf-8", errors="replace")
        if "\ufffd" not in text and before.encode(text) == [token]:
            assert after.encode(text) == [token], text


def test_text_without_new_tokens_is_cut_as_before(old: Path) -> None:
    before, after = Tokenizer.load(old, PLUGINS), extend_by_words(old, PLUGINS, ["北京"], None).tokenizer
    text = "the cat sat on the mat, and 3.14"
    assert before.encode(text) == after.encode(text)


def test_a_corpus_gives_tokens(old: Path) -> None:
    extended = extend_by_corpus(old, PLUGINS, iter(CORPUS), 12)
    check_whole(old, extended)
    assert 0 < len(extended.parts) - extended.bytes_added <= 12
    text = "".join(CORPUS[0])
    assert len(extended.tokenizer.encode(text)) < len(Tokenizer.load(old, PLUGINS).encode(text))
    assert vocabulary(extend_by_corpus(old, PLUGINS, iter(CORPUS), 12).tokenizer) == vocabulary(extended.tokenizer)


def test_it_is_the_same_when_read_from_its_folder(old: Path, tmp_path: Path) -> None:
    extended = extend_by_words(old, PLUGINS, WORDS, None)
    extended.tokenizer.save(tmp_path / "new")
    again = Tokenizer.load(tmp_path / "new", PLUGINS)
    for text in (*HOSTILE_TEXTS.values(), TEXT):
        assert again.encode(text) == extended.tokenizer.encode(text)
    twice = extend_by_words(tmp_path / "new", PLUGINS, ["上海"], None)
    check_whole(tmp_path / "new", twice)
    assert twice.added == ("上海",)


def test_learning_goes_on_where_the_old_merges_end(tmp_path: Path) -> None:
    """The first new merge is that of the most frequent neighbours in the text as the old tokenizer cuts it."""
    pair_tokenizer().save(tmp_path)
    before = Tokenizer.load(tmp_path, PLUGINS)
    pieces = ["北京大学", "南京大学", "大学"]
    pairs = Counter(pair for piece in pieces for pair in pairwise(before.encode(piece)))
    most = max(pairs.values())
    extended = extend_by_corpus(tmp_path, PLUGINS, iter([pieces]), 1)
    [parts] = extended.parts
    assert pairs[parts[0], parts[1]] == most
    assert len(parts) == 2


def test_merges_never_cross_the_segmenters_pieces(tmp_path: Path) -> None:
    pair_tokenizer().save(tmp_path)
    extended = extend_by_corpus(tmp_path, PLUGINS, iter([["龘", "靐"]] * 50), 50)
    texts = [extended.tokenizer.decode([token]) for token in range(extended.tokenizer.vocabulary_size)]
    assert "龘" in texts
    assert not [text for text in texts if "龘" in text and "靐" in text]


def test_a_byte_that_was_lost_is_kept(tmp_path: Path) -> None:
    """As in SmolLM2, which has no token for eight bytes."""
    english_pairs().save(tmp_path)
    before = Tokenizer.load(tmp_path, PLUGINS)
    assert before.decode(before.encode("我\x04")) != "我\x04"
    extended = extend_by_words(tmp_path, PLUGINS, ["天"], None)
    assert extended.bytes_added == 3
    assert extended.tokenizer.decode(extended.tokenizer.encode("我\x04𠮷")) == "我\x04𠮷"


def test_words_that_cannot_be_reached_are_named(tmp_path: Path) -> None:
    english_pairs().save(tmp_path)
    extended = extend_by_words(tmp_path, PLUGINS, ["GPT2", "我们 他们", "我们"], None)
    reasons = {word.word: word.reason for word in extended.unreachable}
    assert reasons == {
        "GPT2": "the tokenizer parts it first, into GPT/2",
        "我们 他们": "the tokenizer parts it first, into 我们/ 他们",
    }
    assert extended.added == ("我们",)


def test_the_size_is_kept(old: Path) -> None:
    extended = extend_by_words(old, PLUGINS, WORDS, 4)
    assert len(extended.parts) - extended.bytes_added <= 4
    refused = [word for word in extended.unreachable if word.reason == "no place was left for it"]
    assert len(refused) + len(extended.added) + len(extended.known) == len(WORDS)
    assert refused


def test_a_list_given_twice_changes_nothing(old: Path) -> None:
    once, twice = (extend_by_words(old, PLUGINS, words, None) for words in (WORDS, WORDS + WORDS[::-1]))
    assert vocabulary(once.tokenizer) == vocabulary(twice.tokenizer)


def test_a_unigram_piece_scores_by_its_share(tmp_path: Path) -> None:
    word_tokenizer().save(tmp_path)
    extended = extend_by_corpus(tmp_path, PLUGINS, iter([["北京"] * 9 + ["上海"] * 3]), 2)
    raw = json.loads(extended.tokenizer._backend.to_str())["model"]["vocab"]
    scores = dict(map(tuple, raw))
    assert scores[to_byte_level("北京")] > scores[to_byte_level("上海")]
    old = dict(map(tuple, json.loads(word_tokenizer()._backend.to_str())["model"]["vocab"]))
    assert old.items() <= scores.items()


def test_a_unigram_token_that_a_new_one_would_hide_is_kept(tmp_path: Path) -> None:
    """春天 is a token; with 春 and 天 made very probable, it must still be found."""
    word_tokenizer().save(tmp_path)
    extended = extend_by_corpus(tmp_path, PLUGINS, iter([["春天来"] * 2000]), 1)
    check_whole(tmp_path, extended)
    assert len(extended.tokenizer.encode("春天")) == 1
    assert len(extended.tokenizer.encode("我们")) == 1


@pytest.mark.parametrize(
    ("model", "decoder", "message"),
    [
        (models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"), decoders.ByteLevel(), "kind WordLevel cannot"),
        (models.BPE({"a": 0, "b": 1}, []), decoders.Fuse(), "BPE over characters"),
    ],
)
def test_other_vocabularies_are_refused(
    tmp_path: Path, model: models.Model, decoder: decoders.Decoder, message: str
) -> None:
    backend = Backend(model)
    backend.decoder = decoder
    Tokenizer(with_end_of_text(backend, None)).save(tmp_path)
    with pytest.raises(ArtefactError, match=message):
        extend_by_words(tmp_path, PLUGINS, ["我"], None)


def test_bert_parts_every_hanzi(tmp_path: Path) -> None:
    """GPT-2s with BERT's Chinese vocabulary exist; a word of two hanzi is out of reach there, and that is said."""
    backend = Backend(models.WordPiece({"[UNK]": 0, "我": 1, "想": 2}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    Tokenizer(with_end_of_text(backend, None)).save(tmp_path)
    extended = extend_by_words(tmp_path, PLUGINS, ["我想", "家"], None)
    assert [(word.word, word.reason) for word in extended.unreachable] == [
        ("我想", "the tokenizer parts it first, into 我/想")
    ]
    assert extended.added == ("家",)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    words=st.lists(st.text(st.characters(codec="utf-8", categories=["Lo", "Ll"]), min_size=1, max_size=6), max_size=8)
)
def test_any_words_of_letters_are_reached(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("pairs")
    pair_tokenizer().save(folder)
    extended = extend_by_words(folder, PLUGINS, words, None)
    refused = {word.word: word.reason for word in extended.unreachable}
    assert all("parts it first" in reason for reason in refused.values()), refused
    text = "".join(words)
    assert extended.tokenizer.decode(extended.tokenizer.encode(text)) == text
