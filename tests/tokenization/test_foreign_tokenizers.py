"""Folders that zaoju did not make: GPT-2, BERT, a sentencepiece vocabulary with byte fallback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, normalizers, processors
from vocabulary_corpus import build, builtin_plugins, sentences

from zaoju import ArtefactError
from zaoju.tokenization import END_OF_TEXT, Tokenizer, byte_alphabet


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def gpt2_folder(folder: Path) -> Path:
    build(folder, "bpe").save(folder)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer", "eos_token": END_OF_TEXT})
    write_json(folder / "config.json", {"model_type": "gpt2"})
    return folder


def byte_fallback_folder(folder: Path) -> Path:
    """The shape of a Llama tokenizer: blanks as ▁, unknown characters as <0x..> tokens, <s> before a text."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "我", "想", "a", "b"]
    model = models.BPE(
        {token: number for number, token in enumerate(tokens)}, [], unk_token="<unk>", byte_fallback=True
    )
    backend = Backend(model)
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens(["<unk>", "<s>", "</s>"])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    backend.enable_truncation(4)
    backend.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer"})
    write_json(folder / "config.json", {"model_type": "llama", "eos_token_id": [2, 1]})
    return folder


def bert_folder(folder: Path) -> Path:
    """Only a vocab.txt, as the older Chinese models have it."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "我", "想", "去", "学", "##习"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    return folder


def test_gpt2(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(gpt2_folder(tmp_path), builtin_plugins())
    assert tokenizer.beginning == [tokenizer.end_of_text]
    for text in [*sentences(20), END_OF_TEXT]:
        ids = tokenizer.encode(text)
        assert tokenizer.end_of_text not in ids
        assert tokenizer.decode(ids) == text


def test_added_words_of_a_byte_level_vocabulary_are_text(tmp_path: Path) -> None:
    folder = gpt2_folder(tmp_path)
    backend = Backend.from_file(str(folder / "tokenizer.json"))
    backend.add_tokens(["造句é"])
    backend.save(str(folder / "tokenizer.json"))
    tokenizer = Tokenizer.load(folder, builtin_plugins())
    ids = tokenizer.encode("我造句é")
    assert tokenizer.token_bytes(ids[-1]) == "造句é".encode()
    assert tokenizer.decode(ids) == "我造句é"


def test_byte_fallback(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(byte_fallback_folder(tmp_path), builtin_plugins())
    assert (tokenizer.end_of_text, tokenizer.beginning) == (2, [1])
    for text in ("我想 a b", "龘靐齉 ab 我", "👩‍🚀 a", "</s> a"):
        ids = tokenizer.encode(text)
        assert 2 not in ids
        assert tokenizer.decode(ids) == text
        stream = tokenizer.text_stream()
        assert "".join(map(stream.push, ids)) + stream.flush() == text
    unfinished = tokenizer.encode("我龘")[:-1]
    stream = tokenizer.text_stream()
    assert "".join(map(stream.push, unfinished)) + stream.flush() == tokenizer.decode(unfinished)


def test_bert_vocabulary_without_tokenizer_json(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(bert_folder(tmp_path), builtin_plugins())
    assert tokenizer.encode("我想去学习") == [5, 6, 7, 8, 1]
    assert tokenizer.end_of_text == 3
    assert tokenizer.beginning == [2]
    assert 3 not in tokenizer.encode("[SEP]")


@pytest.mark.parametrize("make", [gpt2_folder, byte_fallback_folder, bert_folder])
def test_saved_again_it_is_the_same_without_the_model(make: Callable[[Path], Path], tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    tokenizer = Tokenizer.load(make(first), builtin_plugins())
    tokenizer.save(second)
    again = Tokenizer.load(second, builtin_plugins())
    assert again.fingerprint == tokenizer.fingerprint
    assert (again.end_of_text, again.beginning) == (tokenizer.end_of_text, tokenizer.beginning)


def test_a_folder_that_does_not_say_what_ends_a_text_is_refused(tmp_path: Path) -> None:
    Backend(models.WordPiece({byte: number for number, byte in enumerate(byte_alphabet())}, unk_token="!")).save(
        str(tmp_path / "tokenizer.json")
    )
    with pytest.raises(ArtefactError, match="does not say which token ends a text"):
        Tokenizer.load(tmp_path, builtin_plugins())


def test_a_model_without_tokenizer_is_refused(tmp_path: Path) -> None:
    """transformers itself loads this folder in silence, as a GPT-2 tokenizer without tokens."""
    write_json(tmp_path / "config.json", {"model_type": "gpt2"})
    with pytest.raises(ArtefactError, match="has no tokenizer"):
        Tokenizer.load(tmp_path, builtin_plugins())
