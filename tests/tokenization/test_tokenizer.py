"""The Tokenizer class: live and portable, folders, streams."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabulary_corpus import BUILDERS, LITERALS, TEXT, build, builtin_plugins, sentences

from zaoju import ArtefactError, UserError
from zaoju.tokenization import END_OF_TEXT, Tokenizer


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return build(tmp_path_factory.mktemp("live"), "words", live=True, segmenter="jieba")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_stream_gives_whole_characters_and_all_of_them(name: str, tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers[name]

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.lists(st.integers(0, tokenizer.vocabulary_size - 1), max_size=30))
    def check(ids: list[int]) -> None:
        stream = tokenizer.text_stream()
        assert "".join(map(stream.push, ids)) + stream.flush() == tokenizer.decode(ids)

    check()
    stream = tokenizer.text_stream()
    chunks = [stream.push(token) for token in tokenizer.encode("龘👩")]
    assert [chunk for chunk in chunks if chunk] == ["龘", "👩"]
    assert stream.flush() == ""


def test_an_unfinished_character_is_flushed_as_a_replacement(tokenizers: dict[str, Tokenizer]) -> None:
    ids = tokenizers["words"].encode("龘")
    assert len(ids) == 3
    stream = tokenizers["words"].text_stream()
    assert [stream.push(token) for token in ids[:2]] == ["", ""]
    assert stream.flush() == "\ufffd" == tokenizers["words"].decode(ids[:2])


def test_special_tokens_have_no_text(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["bpe"]
    assert tokenizer.token_bytes(tokenizer.end_of_text) is None
    assert tokenizer.token_bytes(10**9) is None
    assert tokenizer.decode([*tokenizer.beginning, *tokenizer.encode("北京"), tokenizer.end_of_text]) == "北京"
    assert tokenizer.beginning == [tokenizer.end_of_text] == [tokenizer.vocabulary_size - 1]


def test_tokens_show_the_bytes_of_part_of_a_character(tokenizers: dict[str, Tokenizer]) -> None:
    assert [text for _, text in tokenizers["words"].tokens("龘")] == [r"\xe9", r"\xbe", r"\x98"]


def test_a_lone_surrogate_is_refused(tokenizers: dict[str, Tokenizer], live: Tokenizer) -> None:
    for tokenizer in (tokenizers["words"], live):
        with pytest.raises(UserError, match=r"U\+D800, as its character 2"):
            tokenizer.encode("我\ud800")


@pytest.mark.parametrize("name", BUILDERS)
def test_a_portable_folder_is_read_back(name: str, tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    tokenizers[name].save(tmp_path)
    again = Tokenizer.load(tmp_path, builtin_plugins())
    assert not again.live
    assert again.fingerprint == tokenizers[name].fingerprint
    assert again.end_of_text == tokenizers[name].end_of_text
    assert again.encode_batch([TEXT, LITERALS]) == [tokenizers[name].encode(TEXT), tokenizers[name].encode(LITERALS)]


def test_fingerprints_tell_vocabularies_and_segmenters_apart(tokenizers: dict[str, Tokenizer], live: Tokenizer) -> None:
    assert len({live.fingerprint, *(tokenizer.fingerprint for tokenizer in tokenizers.values())}) == 1 + len(BUILDERS)


class TestLive:
    def test_it_encodes_each_piece_alone(self, live: Tokenizer) -> None:
        for text in sentences(30):
            assert live.decode(live.encode(text)) == text
        assert live.encode_pieces(["北", "京"]) != live.encode_pieces(["北京"])
        assert live.encode_pieces(["北京"]) == live.encode("北京")

    def test_a_literal_special_token_as_a_piece_stays_text(self, live: Tokenizer) -> None:
        ids = live.encode_pieces([END_OF_TEXT])
        assert live.end_of_text not in ids
        assert live.decode(ids) == END_OF_TEXT

    def test_it_is_read_back_with_its_segmenter(self, live: Tokenizer, tmp_path: Path) -> None:
        live.save(tmp_path)
        again = Tokenizer.load(tmp_path, builtin_plugins())
        assert again.live
        assert again.fingerprint == live.fingerprint
        assert again.encode(TEXT) == live.encode(TEXT)

    def test_transformers_refuses_its_folder(self, live: Tokenizer, tmp_path: Path) -> None:
        from transformers import AutoTokenizer

        live.save(tmp_path)
        (tmp_path / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
        assert not (tmp_path / "tokenizer.json").exists()
        with pytest.raises(ValueError, match="tokenizer"):
            AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)

    @pytest.mark.parametrize("change", [{"package": "elsewhere"}, {"name": "gone"}, {"options": {"unheard_of": 1}}])
    def test_another_segmenter_is_refused(self, live: Tokenizer, tmp_path: Path, change: dict[str, object]) -> None:
        live.save(tmp_path)
        self.rewrite(tmp_path, change)
        with pytest.raises(ArtefactError, match="cannot be used without it"):
            Tokenizer.load(tmp_path, builtin_plugins())

    def test_another_version_is_a_warning(
        self, live: Tokenizer, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        live.save(tmp_path)
        self.rewrite(tmp_path, {"version": "0.0.1"})
        with caplog.at_level(logging.WARNING):
            Tokenizer.load(tmp_path, builtin_plugins())
        assert "was made with zaoju:jieba 0.0.1" in caplog.text

    @staticmethod
    def rewrite(folder: Path, change: dict[str, object]) -> None:
        path = folder / "live" / "segmenter.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", None, "is missing"),
        ("tokenizer.json", b"{", "cannot be read"),
        ("tokenizer_config.json", b"[]", "must hold a JSON object"),
        ("tokenizer_config.json", b"\xff", "cannot be read"),
        ("tokenizer_config.json", b'{"zaoju": {"format": 99}}', "a format that this zaoju does not know"),
    ],
)
def test_a_damaged_folder_is_refused(
    name: str, content: bytes | None, message: str, tokenizers: dict[str, Tokenizer], tmp_path: Path
) -> None:
    tokenizers["words"].save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=message):
        Tokenizer.load(tmp_path, builtin_plugins())


def test_files_of_two_tokenizers_are_refused(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    tokenizers["words"].save(tmp_path)
    settings_of_words = (tmp_path / "tokenizer_config.json").read_text("utf-8")
    tokenizers["characters"].save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(settings_of_words, encoding="utf-8")
    with pytest.raises(ArtefactError, match="not of one tokenizer"):
        Tokenizer.load(tmp_path, builtin_plugins())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="there is no folder"):
        Tokenizer.load(tmp_path / "nothing", builtin_plugins())
