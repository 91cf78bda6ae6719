"""Packed tokens: every document there, followed by end-of-text, and nothing else ever opened."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from vocabulary_corpus import TEXT, build, sentences, write_documents

from zaoju import ArtefactError, Cancelled
from zaoju.contracts import Progress
from zaoju.files import hash_file
from zaoju.tokenization import PackedTokens, Tokenizer, pack_documents, packed

TEXTS = [*sentences(700), "", "\n", TEXT]


def pack(tokenizer: Tokenizer, folder: Path, texts: list[str] = TEXTS) -> PackedTokens:
    documents = write_documents(folder / "documents.jsonl", texts)
    packed = folder / "packed"
    packed.mkdir()
    return pack_documents(documents, tokenizer, packed, workers=1, emit=lambda _: None, cancel=Event())


def unpack(packed: PackedTokens, tokenizer: Tokenizer) -> list[str]:
    documents = np.split(packed.tokens, packed.document_ends[:-1].astype(np.int64))
    assert all(ids[-1] == tokenizer.end_of_text for ids in documents)
    return [tokenizer.decode(ids[:-1].tolist()) for ids in documents]


def test_every_document_comes_back(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    tokenizer = tokenizers["bpe"]
    packed = pack(tokenizer, tmp_path)
    assert unpack(packed, tokenizer) == TEXTS
    assert packed.tokens.dtype == np.uint16
    assert packed.vocabulary_fingerprint == tokenizer.fingerprint
    assert packed.vocabulary_size == tokenizer.vocabulary_size
    assert not packed.tokens.flags.writeable


def test_a_live_tokenizer_packs_what_it_encodes(tmp_path: Path) -> None:
    tokenizer = build(tmp_path, "words", live=True, segmenter="characters")
    packed = pack(tokenizer, tmp_path)
    assert unpack(packed, tokenizer) == TEXTS
    assert packed.tokens.tolist() == [
        token for text in TEXTS for token in [*tokenizer.encode(text), tokenizer.end_of_text]
    ]


def test_a_large_vocabulary_takes_four_bytes(tmp_path: Path) -> None:
    many = [chr(code) for code in range(0x4E00, 0x9FA0)] + [chr(code) for code in range(0x20000, 0x2A6D0)]
    many += [chr(code) for code in range(0xAC00, 0xD7A3)]
    tokenizer = build(tmp_path, "characters", texts=["".join(many)], segmenter="characters")
    assert tokenizer.vocabulary_size > 65536
    packed = pack(tokenizer, tmp_path, ["".join(many)])
    assert packed.tokens.dtype == np.uint32
    assert unpack(packed, tokenizer) == ["".join(many)]


def test_no_documents_give_no_tokens(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    documents = tmp_path / "none.jsonl"
    documents.touch()
    packed = pack_documents(documents, tokenizers["bpe"], tmp_path, workers=1, emit=lambda _: None, cancel=Event())
    assert len(packed.tokens) == len(packed.document_ends) == 0


def test_progress_reaches_the_end(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    documents = write_documents(tmp_path / "documents.jsonl", TEXTS)
    seen: list[object] = []
    pack_documents(documents, tokenizers["bpe"], tmp_path, workers=1, emit=seen.append, cancel=Event())
    assert seen[-1] == Progress("encoding", len(TEXTS), len(TEXTS), "documents")


def test_it_stops_when_asked(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    documents = write_documents(tmp_path / "documents.jsonl", TEXTS)
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        pack_documents(documents, tokenizers["bpe"], tmp_path, workers=1, emit=lambda _: None, cancel=cancel)
    with pytest.raises(ArtefactError, match="no packed tokens"):
        PackedTokens.open(tmp_path)


@pytest.mark.parametrize("name", ["tokens.bin", "document_ends.bin"])
@pytest.mark.parametrize("damage", ["missing", "short", "longer", "changed"])
def test_damaged_files_are_refused(name: str, damage: str, tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    pack(tokenizers["bpe"], tmp_path)
    path = tmp_path / "packed" / name
    content = path.read_bytes()
    damaged = {"short": content[:-2], "longer": content + b"\0\0", "changed": bytes([content[0] ^ 1]) + content[1:]}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    message = {"missing": "is missing", "changed": "has changed"}.get(damage, "bytes, not")
    with pytest.raises(ArtefactError, match=message):
        PackedTokens.open(path.parent)


def test_every_byte_is_verified_and_opening_is_quick(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    """200 MB: one changed byte between the blocks is found by `verify`; exchanged content already at opening."""
    tokenizer, folder = tokenizers["bpe"], tmp_path / "packed"
    folder.mkdir()
    documents = write_documents(tmp_path / "documents.jsonl", sentences(600))
    pack_documents(documents, tokenizer, folder, workers=1, emit=lambda _: None, cancel=Event())
    large = grown(folder, 200_000_000)
    PackedTokens.verify(folder, tokenizer)
    assert min(seconds_to_open(folder) for _ in range(5)) < 0.1
    with large.open("r+b") as file:
        file.seek(100_000)
        file.write(b"\x7f")
    assert len(PackedTokens.open(folder).tokens) == 100_000_000
    with pytest.raises(ArtefactError, match=r"tokens\.bin has changed since it was written"):
        PackedTokens.verify(folder, tokenizer)
    np.arange(100_000_000, dtype=np.uint16).tofile(large)
    with pytest.raises(ArtefactError, match=r"tokens\.bin has changed since it was written"):
        PackedTokens.open(folder)


def test_tokens_of_another_vocabulary_are_refused(tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    pack(tokenizers["bpe"], tmp_path)
    with pytest.raises(ArtefactError, match="not of this tokenizer"):
        PackedTokens.verify(tmp_path / "packed", tokenizers["words"])


def grown(folder: Path, size: int) -> Path:
    """`tokens.bin` as it would be with that many bytes, and the header to it."""
    path, header = folder / "tokens.bin", json.loads((folder / "packed.json").read_text("utf-8"))
    np.full(size // 2, 7, dtype=np.uint16).tofile(path)
    header["bytes"]["tokens.bin"] = size
    header["sha256"]["tokens.bin"] = hash_file(path)
    header["sha256_of_blocks"]["tokens.bin"] = packed._hash_blocks(path)
    (folder / "packed.json").write_text(json.dumps(header), encoding="utf-8")
    return path


def seconds_to_open(folder: Path) -> float:
    started = time.perf_counter()
    PackedTokens.open(folder)
    return time.perf_counter() - started


@pytest.mark.parametrize("header", ["{", "[]", json.dumps({"format": 99}), json.dumps({"format": 1})])
def test_a_foreign_header_is_refused(header: str, tokenizers: dict[str, Tokenizer], tmp_path: Path) -> None:
    pack(tokenizers["bpe"], tmp_path)
    (tmp_path / "packed" / "packed.json").write_text(header, encoding="utf-8")
    with pytest.raises(ArtefactError):
        PackedTokens.open(tmp_path / "packed")
