"""Every builtin vocabulary: lossless, repeatable, of the right size, equal in transformers."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabulary_corpus import BUILDERS, LITERALS, TEXT, build, sentences

from zaoju import UserError
from zaoju.contracts import Event, Notice
from zaoju.tokenization import END_OF_TEXT, Tokenizer

NOT_ASSIGNED, SURROGATE, PRIVATE = "Cn", "Cs", "Co"
EVERY_CHARACTER = "".join(
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) not in (NOT_ASSIGNED, SURROGATE, PRIVATE)
)


def assert_lossless(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.end_of_text not in ids


@pytest.mark.parametrize("name", BUILDERS)
class TestEveryBuilder:
    def test_every_character_and_literal_comes_back(self, name: str, tokenizers: dict[str, Tokenizer]) -> None:
        for text in ("", TEXT, LITERALS, "=" * 5000, "啊" * 5000, END_OF_TEXT * 3, "\ue000\U0010ffff", EVERY_CHARACTER):
            assert_lossless(tokenizers[name], text)

    def test_any_text_comes_back(self, name: str, tokenizers: dict[str, Tokenizer]) -> None:
        parts = st.sampled_from([*TEXT, *LITERALS.split(), END_OF_TEXT, " ", "图书馆"])

        @settings(max_examples=150, deadline=None, derandomize=True)
        @given(st.lists(parts | st.text(max_size=20), max_size=12).map("".join))
        def check(text: str) -> None:
            assert_lossless(tokenizers[name], text)

        check()

    def test_transformers_gives_the_same_ids(
        self, name: str, tokenizers: dict[str, Tokenizer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        from transformers import AutoTokenizer

        ours = tokenizers[name]
        ours.save(tmp_path)
        ids = {"vocab_size": ours.vocabulary_size, "bos_token_id": ours.end_of_text, "eos_token_id": ours.end_of_text}
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", **ids}), encoding="utf-8")
        theirs = AutoTokenizer.from_pretrained(tmp_path)
        assert theirs.eos_token_id == ours.end_of_text
        for text in (TEXT, LITERALS, END_OF_TEXT * 3, EVERY_CHARACTER, *sentences(20)):
            assert theirs(text).input_ids == ours.encode(text)
            assert theirs.decode(ours.encode(text)) == text

    @pytest.mark.slow
    def test_transformers_agrees_on_100_000_documents(
        self, name: str, tokenizers: dict[str, Tokenizer], tmp_path: Path
    ) -> None:
        from transformers import PreTrainedTokenizerFast

        ours = tokenizers[name]
        ours.save(tmp_path)
        theirs = PreTrainedTokenizerFast.from_pretrained(tmp_path, local_files_only=True)
        draw = random.Random(3)
        parts = [*sentences(50), *TEXT, *LITERALS.split(), END_OF_TEXT, " ", "\n"]
        for _ in range(100):
            texts = [
                "".join([*draw.choices(parts, k=5), *draw.choices(EVERY_CHARACTER, k=10), *draw.choices(parts, k=5)])
                for _ in range(1000)
            ]
            assert theirs(texts).input_ids == ours.encode_batch(texts)

    def test_another_process_builds_the_same_bytes(
        self, name: str, tokenizers: dict[str, Tokenizer], tmp_path: Path
    ) -> None:
        tokenizers[name].save(tmp_path)
        code = (
            "import sys; from pathlib import Path; from vocabulary_corpus import build; "
            "folder = Path(sys.argv[1]); build(folder, sys.argv[2]).save(folder)"
        )
        again = tmp_path / "again"
        again.mkdir()
        subprocess.run([sys.executable, "-c", code, str(again), name], check=True, cwd=Path(__file__).parent)
        assert (again / "tokenizer.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("name", ["words", "portable", "bpe", "wordpiece"])
@pytest.mark.parametrize("size", [300, 331])
def test_the_size_counts_every_token(name: str, size: int, tmp_path: Path) -> None:
    draw = random.Random(5)
    texts = [" ".join("".join(draw.choices("天地人和风花雪月a", k=4)) for _ in range(20)) for _ in range(100)]
    assert build(tmp_path, name, {"size": size}, texts=texts).vocabulary_size == size


@pytest.mark.parametrize(
    ("name", "size"),
    [("portable", 258), ("bpe", 258), ("unigram", 273), ("wordpiece", 258), ("characters", 258)],
)
def test_the_smallest_size_works(name: str, size: int, tmp_path: Path) -> None:
    tokenizer = build(tmp_path, name, {"size": size})
    assert tokenizer.vocabulary_size <= size
    assert_lossless(tokenizer, TEXT + LITERALS)


@pytest.mark.parametrize("name", ["words", "portable", "bpe", "unigram", "wordpiece", "characters"])
def test_a_corpus_too_small_for_the_size_is_told(name: str, tmp_path: Path) -> None:
    events: list[Event] = []
    tokenizer = build(tmp_path, name, {"size": 50_000}, emit=events.append)
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert f"{tokenizer.vocabulary_size:,}" in notices[0]
    assert "50,000" in notices[0]


def test_no_room_for_words_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a vocabulary of 280 tokens has no place for words.*set a size above"):
        build(tmp_path, "words", {"size": 280, "coverage": 1.0})


def test_rare_characters_leave_their_places_to_frequent_words(tmp_path: Path) -> None:
    """Three places beside the bytes, and three characters: `words` has none left for a word."""
    texts = ["北京"] * 9 + ["龘"]
    portable = build(tmp_path, "portable", {"size": 260}, texts=texts)
    assert [text for _, text in portable.tokens("北京龘")] == ["北京", *(r"\xe9", r"\xbe", r"\x98")]
    with pytest.raises(UserError, match="has no place for words"):
        build(tmp_path, "words", {"size": 260, "coverage": 1.0}, texts=texts)


@pytest.mark.parametrize("name", BUILDERS)
def test_words_that_the_corpus_has_become_tokens(name: str, tokenizers: dict[str, Tokenizer]) -> None:
    cut = [text for _, text in tokenizers[name].tokens("图书馆")]
    assert cut == (list("图书馆") if name == "characters" else ["图书馆"])


def test_unigram_learns_the_words_of_a_segmenter(tmp_path: Path) -> None:
    """Also those that no other word has inside, which its trainer would never see as candidates."""
    words = ["蝴蝶", "葡萄", "玻璃", "咖啡"]
    draw = random.Random(3)
    texts = [" ".join(draw.choices([*words, "蝴", "葡", "玻", "咖", "天", "地"], k=20)) for _ in range(200)]
    tokenizer = build(tmp_path, "unigram", {"size": 300}, texts=texts)
    assert [text for _, text in tokenizer.tokens("葡萄蝴蝶玻璃咖啡")] == ["葡萄", "蝴蝶", "玻璃", "咖啡"]


def test_unigram_bears_the_characters_that_mark_boundaries_and_candidates(tmp_path: Path) -> None:
    tokenizer = build(tmp_path, "unigram", {"size": 300}, texts=["天地 人和\0风花\uffff \uffff天地"] * 20)
    assert_lossless(tokenizer, "天地\0人和\uffff")
    assert [text for _, text in tokenizer.tokens("天地")] == ["天地"]


def test_unigram_learns_words_from_text_that_is_not_cut(tmp_path: Path) -> None:
    texts = [text.replace(" ", "") for text in sentences(400)]
    tokenizer = build(tmp_path, "unigram", {"size": 400}, texts=texts, segmenter="none")
    assert "图书馆" in [text for _, text in tokenizer.tokens("我们喜欢图书馆。")]


def test_merges_stay_within_pieces(tmp_path: Path) -> None:
    """Cut into characters, nothing can be merged beyond a character; uncut, whole phrases can."""
    texts = ["我想去北京"] * 50
    cut = build(tmp_path, "bpe", {"size": 700}, texts=texts, segmenter="characters")
    whole = build(tmp_path, "bpe", {"size": 700}, texts=texts, segmenter="none")
    assert [text for _, text in cut.tokens("我想去北京")] == list("我想去北京")
    assert [text for _, text in whole.tokens("我想去北京")] == ["我想去北京"]


def test_a_listed_word_that_the_segmenter_never_gave_is_one_token(tokenizers: dict[str, Tokenizer]) -> None:
    assert "想去北京" in [text for _, text in tokenizers["word_list"].tokens("我想去北京看书")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no words"),
        (b"\n  \n", "has no words"),
        ("北京\n".encode() + "上海\n".encode("gb18030"), "is not UTF-8: line 2"),
        ("北京 318825 ns\n上海 12 ns\n".encode(), "number after every word"),
    ],
)
def test_a_bad_word_list_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        build(tmp_path, "word_list", {"path": str(path)})


def test_a_missing_word_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        build(tmp_path, "word_list", {"path": str(tmp_path / "nothing.txt")})


@pytest.mark.parametrize("name", ["words", "portable", "unigram", "wordpiece", "characters"])
def test_no_text_at_all_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no text"):
        build(tmp_path, name, {"size": 700}, texts=[""])
