"""Compressed files and archives below a reader: what is whole is read, what is not is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import json_reader, text_reader, write

from zaoju import Document
from zaoju.contracts import Problem, Reader
from zaoju.corpus import SourceFile, contents

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
LINES = [f"第{number}回　我想回到那个有你的地方。" for number in range(5_000)]
TEXT = "\n".join(LINES).encode()


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def found(reader: Reader) -> tuple[dict[str, str], list[Problem]]:
    items = list(reader.read())
    documents = {item.source: item.text for item in items if isinstance(item, Document)}
    problems = [item for item in items if isinstance(item, Problem)]
    assert len(documents) + len(problems) == len(items)
    return documents, problems


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_is_read_as_the_file_in_it(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / "books" / f"a.txt{suffix}", COMPRESS[suffix](TEXT))
    documents, problems = found(text_reader(tmp_path / "books", documents="line"))
    assert problems == []
    assert documents == {f"books/a.txt{suffix}:{number}": line for number, line in enumerate(LINES, start=1)}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_streams_one_after_another_are_one(tmp_path: Path, suffix: str) -> None:
    compress = COMPRESS[suffix]
    padding = b"" if suffix in (".zst", ".bz2") else bytes(512)
    path = write(tmp_path / f"a.txt{suffix}", compress(TEXT[:50]) + compress(TEXT[50:]) + padding)
    documents, problems = found(text_reader(path, documents="file"))
    assert problems == [] and list(documents.values()) == [TEXT.decode()]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("left", [0, 3, 0.5, -1])
def test_what_stands_before_a_break_is_kept_and_the_file_is_named(tmp_path: Path, suffix: str, left: float) -> None:
    packed = COMPRESS[suffix](TEXT)
    cut = int(left * len(packed)) if isinstance(left, float) else left
    path = write(tmp_path / f"a.txt{suffix}", packed[:cut])
    documents, problems = found(text_reader(path, documents="line"))
    assert list(documents.values()) == LINES[: len(documents)] and len(documents) < len(LINES)
    (problem,) = problems
    assert problem.source == str(path) and problem.stops and problem.bytes >= 0
    assert "breaks off" in problem.reason


@pytest.mark.parametrize("suffix", COMPRESS)
def test_damage_is_found(tmp_path: Path, suffix: str) -> None:
    packed = bytearray(COMPRESS[suffix](TEXT))
    packed[len(packed) // 2] ^= 0xFF
    _, problems = found(text_reader(write(tmp_path / f"a.txt{suffix}", bytes(packed)), documents="line"))
    assert any(item.stops for item in problems), "a flipped byte went unnoticed"
    (problem,) = found(text_reader(write(tmp_path / f"b.txt{suffix}", TEXT)))[1]
    assert "or is damaged from the beginning on" in problem.reason


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_no_damaged_archive_brings_the_reader_down(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    members = {"a.txt": TEXT[:400], "b/c.txt": TEXT[:90], "d.txt.gz": gzip.compress(TEXT[:80])}
    kinds = {
        "a.zip": zipped(members),
        "a.tar": tar(members),
        "a.tgz": tar(members, "w:gz"),
        "a.txt.xz": lzma.compress(TEXT[:200]),
    }
    name = data.draw(st.sampled_from(sorted(kinds)))
    content = bytearray(kinds[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    for item in text_reader(write(tmp_path_factory.mktemp("packed") / name, bytes(content))).read():
        assert isinstance(item, Document | Problem)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar.bz2", "a.tar.xz"])
def test_members_of_an_archive_are_read_as_files(tmp_path: Path, name: str) -> None:
    members = {
        "b/春.txt": "春眠".encode(),
        "a.txt.gz": gzip.compress("不觉晓".encode()),
        "big.txt": TEXT * 9,
        "c.png": b"\x89PNG",
        ".hidden.txt": b"no",
        "__MACOSX/a.txt": b"no",
        "more.jsonl": b'{"text": "x"}',
    }
    packed = zipped(members) if name == "a.zip" else tar(members)
    compression = next((suffix for suffix in COMPRESS if name.endswith(suffix)), ".gz" if name == "a.tgz" else None)
    write(tmp_path / "books" / name, COMPRESS[compression](packed) if compression else packed)
    documents, (notice,) = found(text_reader(tmp_path / "books", documents="file"))
    assert documents == {
        f"books/{name}!/b/春.txt:1": "春眠",
        f"books/{name}!/a.txt.gz:1": "不觉晓",
        f"books/{name}!/big.txt:1-{len(LINES) * 9 - 8}": (TEXT * 9).decode(),
    }
    assert not notice.stops and "2 files in it were not read" in notice.reason and ".png (1)" in notice.reason
    assert list(found(json_reader(tmp_path / "books"))[0].values()) == ["x"]


def test_names_that_lead_out_of_an_archive_are_harmless(tmp_path: Path) -> None:
    for name in ("../../evil.txt", "/etc/evil.txt", "..\\evil.txt"):
        write(tmp_path / "in/a.tar", tar({name: "春".encode()}))
        write(tmp_path / "in/a.zip", zipped({name: "春".encode()}))
        documents, problems = found(text_reader(tmp_path / "in"))
        assert problems == [] and list(documents.values()) == ["春"] * 2
        assert all(".." not in source and "!//" not in source for source in documents)
    assert [path.name for path in tmp_path.rglob("*.txt")] == []


def test_names_in_gbk_are_shown_right(tmp_path: Path) -> None:
    name = "水浒传/第一回.txt"
    path = tmp_path / "a.zip"
    packed = zipped({"a" * len(name.encode("gbk")): "春".encode()})
    write(path, packed.replace(b"a" * len(name.encode("gbk")), name.encode("gbk")))
    assert found(text_reader(path)) == ({f"a.zip!/{name}:1": "春"}, [])
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", encoding="gbk", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO("春".encode()))
    assert found(text_reader(write(tmp_path / "a.tar", made.getvalue()))) == ({f"a.tar!/{name}:1": "春"}, [])


def test_nested_and_encrypted_members_are_refused_by_name(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.txt": "春".encode(), "inner.zip": zipped({"b.txt": b"x"}), "c.txt": "秋".encode()}))
    # The flag of encryption, in the header of the first member and in its line of the list.
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    path = write(tmp_path / "a.zip", bytes(packed))
    documents, problems = found(text_reader(path))
    assert documents == {"a.zip!/c.txt:1": "秋"}
    assert {item.source: item.reason.split(":")[0] for item in problems} == {
        f"{path}!/a.txt": "is encrypted",
        f"{path}!/inner.zip": "an archive in an archive",
    }


def test_a_broken_tar_file_gives_the_members_before_the_break(tmp_path: Path) -> None:
    packed = tar({"a.txt": "春".encode(), "b.txt": TEXT, "c.txt": "秋".encode()})
    for cut in (512 + 512 + 100, 512 + 512 + 512 + 1000, len(tar({"a.txt": "春".encode()})[:1024])):
        path = write(tmp_path / "a.tar", packed[:cut])
        documents, problems = found(text_reader(path, documents="file"))
        assert documents == {"a.tar!/a.txt:1": "春"}, cut
        assert problems and all(item.stops and "breaks off" in item.reason for item in problems)
    damaged = bytearray(packed)
    damaged[1024 + 20] ^= 0xFF
    documents, (problem,) = found(text_reader(write(tmp_path / "a.tar", bytes(damaged)), documents="file"))
    assert documents == {"a.tar!/a.txt:1": "春"} and problem.stops


def test_a_damaged_member_of_a_zip_file_does_not_hide_the_others(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.txt": TEXT, "b.txt": "秋".encode()}, zipfile.ZIP_STORED))
    packed[packed.index("第9".encode())] ^= 0x01
    documents, problems = found(text_reader(write(tmp_path / "a.zip", bytes(packed)), documents="file"))
    assert documents == {"a.zip!/b.txt:1": "秋"}
    assert any(item.stops and item.source.endswith("!/a.txt") for item in problems)


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.bz2", "a.txt.xz", "a.txt.zst", "a.zip", "a.tar.gz"])
def test_a_bomb_is_stopped_early(tmp_path: Path, name: str) -> None:
    nothing = b"a" * (60 << 20)
    if name == "a.zip":
        packed = zipped({"a.txt": nothing})
    else:
        compression = next(suffix for suffix in COMPRESS if name.endswith(suffix))
        packed = COMPRESS[compression](tar({"a.txt": nothing}) if "tar" in name else nothing)
    path = write(tmp_path / name, packed)
    before = time.monotonic()
    documents, problems = found(text_reader(path))
    assert documents == {} and time.monotonic() - before < 10
    assert any("200 times its size" in item.reason and "maximum_expansion:" in item.reason for item in problems)


def test_an_archive_without_what_is_looked_for_is_a_notice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", zipped({"a.png": b"x"}))
    assert found(text_reader(path)) == (
        {},
        [Problem(str(path), "no file in this archive ends in .txt; it has only other files: .png (1)", stops=False)],
    )


def test_a_member_can_be_opened_again(tmp_path: Path) -> None:
    for name, packed in {"a.zip": zipped({"a.txt": TEXT}), "a.tgz": tar({"a.txt": TEXT * 9}, "w:gz")}.items():
        path = write(tmp_path / name, packed)
        for item in contents(SourceFile(path, name, path.stat().st_size), [".txt"], 200):
            assert isinstance(item, SourceFile)
            with item.open() as first, item.open() as second:
                start = first.read(100)
                second.seek(3)
                assert start == TEXT[:100] and second.read(97) == start[3:]
