from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.files import hash_file, hash_json, whole_folder, write_text_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_byte_for_byte_and_nothing_else_remains(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a.txt", "春眠\r\n不觉晓\n")
    write_text_whole(tmp_path / "a.txt", "处处\r\n闻啼鸟\n")
    assert (tmp_path / "a.txt").read_bytes() == "处处\r\n闻啼鸟\n".encode()
    assert names(tmp_path) == ["a.txt"]


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    write_text_whole(tmp_path / "a.txt", "旧")
    with pytest.raises(UnicodeEncodeError):
        write_text_whole(tmp_path / "a.txt", "新" * 100_000 + "\ud800")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "旧"
    assert names(tmp_path) == ["a.txt"]


def test_folder_replaces_the_old_one_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "corpus"
    for text in ("一", "二"):
        with whole_folder(target) as folder:
            (folder / "sub").mkdir()
            (folder / "sub" / f"{text}.txt").write_text(text, encoding="utf-8")
    assert names(target / "sub") == ["二.txt"]
    assert names(target.parent) == ["corpus"]


def test_folder_stays_as_it_was_when_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    with whole_folder(target) as folder:
        (folder / "a").write_text("旧", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), whole_folder(target) as folder:
        (folder / "a").write_text("新", encoding="utf-8")
        raise KeyboardInterrupt
    assert (target / "a").read_text(encoding="utf-8") == "旧"
    assert names(tmp_path) == ["corpus"]


def test_failure_at_the_last_rename_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "corpus"
    with whole_folder(target) as folder:
        (folder / "a").write_text("旧", encoding="utf-8")
    rename = Path.rename

    def full_disk(self: Path, to: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError("no space left on device")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", full_disk)
    with pytest.raises(OSError, match="no space"), whole_folder(target) as folder:
        (folder / "a").write_text("新", encoding="utf-8")
    assert (target / "a").read_text(encoding="utf-8") == "旧"
    assert names(tmp_path) == ["corpus"]


def test_what_a_killed_process_left_is_cleared_up(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    pid = os.fork()
    if pid == 0:
        with whole_folder(target) as folder:
            (folder / "half").write_text("半", encoding="utf-8")
            os._exit(9)
    os.waitpid(pid, 0)
    assert names(tmp_path) == [".corpus.partial"]
    with whole_folder(target) as folder:
        assert names(folder) == []
        (folder / "whole").write_text("全", encoding="utf-8")
    assert names(tmp_path) == ["corpus"]
    assert names(target) == ["whole"]


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / ".corpus.aside").mkdir()
    (tmp_path / ".corpus.aside" / "a").write_text("旧", encoding="utf-8")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "corpus"):
        raise RuntimeError
    assert names(tmp_path) == ["corpus"]
    assert names(tmp_path / "corpus") == ["a"]


def test_hash_file_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.dictionaries(st.text(), json_values))
def test_hash_json_ignores_the_order_of_keys_only(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert hash_json(value) == hash_json(turned)
    assert hash_json(value) != hash_json([value])


def test_hash_json_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError):
        hash_json(float("nan"))
    with pytest.raises(TypeError):
        hash_json({1, 2})
