"""Files that cannot be read: each gives a message with file and reason, nothing is lost, nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from corpus_run import ListReader, run, texts
from test_readers import json_reader, text_reader, write

from support.peak_memory import PEAK
from zaoju import CorpusError, Document
from zaoju.contracts import Problem
from zaoju.corpus import SourceFile, find_files
from zaoju_builtin.readers.text import TextReader

CHINESE = "我想回到那个有你的地方，这是一个春天的故事。\n" * 40


def only_problem(reader: TextReader) -> Problem:
    (problem,) = (item for item in reader.read() if isinstance(item, Problem))
    assert problem.stops
    return problem


@pytest.mark.parametrize(
    ("encoding", "suggested"),
    [
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_wrong_encoding_names_byte_line_and_the_encoding_to_set(tmp_path: Path, encoding: str, suggested: str) -> None:
    path = write(tmp_path / "a.txt", ("first line\n" + CHINESE).encode(encoding))
    problem = only_problem(text_reader(path, encoding="utf-8"))
    assert problem.source == str(path)
    assert f"`encoding: {suggested}`" in problem.reason
    assert [item for item in text_reader(path, encoding=suggested).read() if isinstance(item, Problem)] == []


def test_big5_is_told_from_gb18030(tmp_path: Path) -> None:
    text = "這是一個春天的故事，我們為什麼要回來說這個。\n" * 20
    problem = only_problem(text_reader(write(tmp_path / "a.txt", text.encode("big5")), encoding="utf-8"))
    assert "`encoding: cp950`" in problem.reason


@pytest.mark.parametrize("at", [0, 100, 65_535, 65_536, 65_537, 200_000])
def test_a_damaged_byte_is_found_at_its_place(tmp_path: Path, at: int) -> None:
    content = bytearray("我想回家。\n".encode() * 20_000)
    line = content[:at].count(b"\n") + 1
    content[at] = 0xFF
    problem = only_problem(text_reader(write(tmp_path / "a.txt", bytes(content)), documents="line", encoding="utf-8"))
    start = int(problem.reason.split()[1].replace(",", ""))
    assert at - 3 < start <= at
    assert f"(line {line:,})" in problem.reason
    assert "the file is damaged there" in problem.reason
    assert problem.bytes == len(content) - start


def test_lines_before_the_damage_are_kept_and_the_broken_document_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "春\n\n夏\n\n秋\n".encode() + b"\xff\n" + "冬".encode())
    *documents, problem = text_reader(path, encoding="utf-8").read()
    assert [item.text for item in documents if isinstance(item, Document)] == ["春", "夏"]
    assert isinstance(problem, Problem)
    assert problem.bytes == len("秋".encode()) + 2 + len("冬".encode())


def test_a_character_cut_at_the_end_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "春眠不觉晓".encode()[:-1])
    problem = only_problem(text_reader(path, encoding="utf-8"))
    assert "byte 12 (line 1) is not utf-8" in problem.reason


@pytest.mark.parametrize("content", ["春\n\n夏\0\n\n秋", "a\0b\0c\0\n\0"])
def test_nul_characters_are_reported(tmp_path: Path, content: str) -> None:
    problem = only_problem(text_reader(write(tmp_path / "a.txt", content), encoding="utf-8"))
    assert "holds a NUL character" in problem.reason


@pytest.mark.parametrize("documents", ["blank_line", "line", "file"])
def test_too_long_a_document_is_named_and_the_next_is_read(tmp_path: Path, documents: str) -> None:
    path = write(tmp_path / "a.txt", "春" * 11 + "\n\n" + "夏" * 10)
    found = list(text_reader(path, documents=documents, maximum_characters=10).read())
    problem = found[0]
    assert isinstance(problem, Problem)
    assert "longer than 10 characters" in problem.reason
    assert found[1:] == ([] if documents == "file" else [Document("夏" * 10, "a.txt:3")])
    assert problem.bytes == (63 if documents == "file" else 33)


def test_a_document_of_many_lines_can_be_too_long(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "春\n" * 6 + "\n夏")
    problem, summer = text_reader(path, maximum_characters=10).read()
    assert isinstance(problem, Problem)
    assert problem.source == f"{path} line 1-6"
    assert problem.bytes == 18
    assert summer == Document("夏", "a.txt:8")
    assert next(iter(text_reader(path, maximum_characters=11).read())) == Document("\n".join("春" * 6), "a.txt:1-6")


def test_too_long_a_line_of_json_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "' + "春" * 90 + '"}\n{"text": "夏"}')
    problem, summer = json_reader(path, maximum_characters=50).read()
    assert isinstance(problem, Problem)
    assert (problem.source, problem.bytes) == (f"{path} line 1", 12 + 270)
    assert summer == Document("夏", "a.jsonl:2")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "poems"
    write(folder / "good.txt", "春")
    (folder / "dangling.txt").symlink_to(tmp_path / "nowhere")
    (folder / "self.txt").symlink_to(folder / "self.txt")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    missing, device, pattern, hollow = tmp_path / "gone.txt", Path("/dev/zero"), tmp_path / "*.csv", tmp_path / "hollow"
    hollow.mkdir()
    items = list(text_reader(folder, missing, device, pattern, hollow).read())
    assert items.pop(1) == Document("春", "poems/good.txt:1")
    reasons = {item.source: item.reason for item in items if isinstance(item, Problem)}
    assert {source: reason.split(",")[0].split(";")[0] for source, reason in reasons.items()} == {
        f"{folder}/dangling.txt": "a link to a file that does not exist",
        f"{folder}/loop": "a link that leads back to a folder above it",
        f"{folder}/pipe.txt": "not a file but a pipe",
        f"{folder}/self.txt": "too many levels of symbolic links",
        str(missing): "no such file",
        str(device): "not a file but a device",
        str(pattern): "no file matches this pattern",
        str(hollow): "no file in this folder ends in .txt",
    }


def test_a_file_name_that_is_no_text_is_read_and_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.txt")
    write(tmp_path / "poems" / name, "春\n\n秋")
    run([text_reader(tmp_path / "poems")], tmp_path / "out")
    assert sorted(texts(tmp_path / "out", "train") + texts(tmp_path / "out", "held_out")) == ["春", "秋"]


def test_a_file_name_that_is_no_text_can_be_told_of(tmp_path: Path) -> None:
    """Problems come from the finding, from the lines, and from readers of others."""
    write(tmp_path / "poems/good.txt", "春\n\n秋")
    write(tmp_path / "poems" / os.fsdecode(b"\xff.txt"), "夏".encode("gbk"))
    write(tmp_path / "poems" / os.fsdecode(b"\xfe.txt"), "")
    (tmp_path / "poems" / os.fsdecode(b"\xfd.txt")).symlink_to(tmp_path / "nowhere")
    stranger = ListReader([Problem("\udcfe.txt", "bad \udcff"), Document("冬", "\udcfe.txt"), "half \ud800"])
    account = run([text_reader(tmp_path / "poems"), stranger], tmp_path / "out", skip_unreadable=True)
    written = (tmp_path / "out/account.json").read_text(encoding="utf-8")
    assert account.problem_count == 5 and written.count("\ufffd") >= 5
    with pytest.raises(CorpusError) as caught:
        run([text_reader(tmp_path / "poems"), stranger], tmp_path / "out")
    assert str(caught.value).encode("utf-8")


_AS_NOBODY = """
import os, sys
from pathlib import Path
from zaoju import CorpusError
from zaoju.contracts import Problem
from zaoju.corpus import inspect_files
from zaoju_builtin.readers.options import TextOptions
from zaoju_builtin.readers.text import TextReader
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
what, *paths = sys.argv[1:]
paths = [Path(path) for path in paths]
if what == "read":
    for item in TextReader(TextOptions(paths=paths)).read():
        print(f"{item.source}: {item.reason}" if isinstance(item, Problem) else item.text)
else:
    try:
        inspect_files(paths)
    except CorpusError as error:
        print(f"CorpusError: {error}")
"""


def as_nobody(what: str, modes: dict[str, int], inside: str = "") -> tuple[list[str], str]:
    """What is printed about a folder of files and folders with these modes, and the folder's name.

    Runs as another user where the tests run as root, whom no permission stops. Every text is its file's name.
    """
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        for path in modes:
            if path.endswith(".txt"):
                write(Path(name, path), Path(path).stem)
        for path, mode in modes.items():
            Path(name, path).chmod(mode)
        command = [sys.executable, "-c", _AS_NOBODY, what, str(Path(name, inside))]
        result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        for path in modes:
            if not path.endswith(".txt"):
                Path(name, path).chmod(0o755)
    assert result.stderr == ""
    return result.stdout.splitlines(), name


def test_no_permission_is_named_for_files_and_folders() -> None:
    modes = {"春.txt": 0o644, "secret.txt": 0o000, "closed/b.txt": 0o644, "closed": 0o000}
    printed, name = as_nobody("read", modes)
    assert printed == [
        f"{name}/closed: no permission to read it",
        f"{name}/secret.txt: no permission to read it",
        "春",
    ]


def test_no_permission_is_named_for_a_path_inside_a_closed_folder() -> None:
    printed, name = as_nobody("read", {"closed/b.txt": 0o644, "closed": 0o000}, "closed/b.txt")
    assert printed == [f"{name}/closed/b.txt: no permission to read it"]


def test_names_in_a_folder_that_only_lists_are_all_told() -> None:
    printed, name = as_nobody("read", {"listed/b.txt": 0o644, "listed": 0o744})
    assert printed == [f"{name}/listed/b.txt: no permission to read it"]


def test_a_pattern_goes_no_way_twice(tmp_path: Path) -> None:
    write(tmp_path / "poems/tang/z.txt", "春")
    (tmp_path / "poems/again").symlink_to(tmp_path / "poems")
    found = find_files([tmp_path / "poems/**/*.txt"], (".txt",))
    assert [item.path for item in found if isinstance(item, SourceFile)] == [tmp_path / "poems/tang/z.txt"]
    assert len(found) == 1


def test_a_folder_that_a_pattern_matches_is_searched(tmp_path: Path) -> None:
    write(tmp_path / "poems/tang/a.txt", "春")
    write(tmp_path / "poems/b.txt", "夏")
    write(tmp_path / "prose/c.txt", "秋")
    (tmp_path / "pictures").mkdir()
    for pattern in ("p*", "**", "**/*", "*/"):
        items = list(text_reader(tmp_path / pattern).read())
        found = sorted(item.text for item in items if isinstance(item, Document))
        assert found == sorted("春夏秋"), pattern
        assert not any(item.stops for item in items if isinstance(item, Problem)), pattern
    (problem,) = (item for item in text_reader(tmp_path / "pi*").read() if isinstance(item, Problem))
    assert "no file in this folder ends in .txt" in problem.reason


def test_what_is_no_text_file_by_its_name_does_not_stop_a_run(tmp_path: Path) -> None:
    write(tmp_path / "poems/a.txt", "春")
    (tmp_path / "poems/picture.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "poems/pipe")
    document, problem = text_reader(tmp_path / "poems").read()
    assert isinstance(document, Document) and isinstance(problem, Problem)
    assert not problem.stops and ".png (1)" in problem.reason and "no ending (1)" in problem.reason


def test_one_message_for_a_whole_folder_of_trouble_and_skip_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "poems/gbk.txt", CHINESE.encode("gbk"))
    write(tmp_path / "poems/broken.txt", "春".encode()[:2])
    write(tmp_path / "poems/good.txt", "春\n\n秋")
    with pytest.raises(CorpusError, match=r"2 problems(.|\n)*broken.txt(.|\n)*gbk.txt(.|\n)*encoding: gb18030"):
        run([text_reader(tmp_path / "poems", encoding="utf-8")], tmp_path / "out")
    account = run([text_reader(tmp_path / "poems", encoding="utf-8")], tmp_path / "out", skip_unreadable=True)
    assert account.kept.documents == 2
    assert account.problem_bytes == len(CHINESE.encode("gbk")) + 2


_READ_LONG = f"""{PEAK}
import sys
from zaoju_builtin.readers.options import JsonLinesOptions, TextOptions
from zaoju_builtin.readers.jsonl import JsonLinesReader
from zaoju_builtin.readers.text import TextReader
path = Path(sys.argv[1])
before = peak()
for reader in (TextReader(TextOptions(paths=[path])), JsonLinesReader(JsonLinesOptions(paths=[path]))):
    for item in reader.read():
        print(item.source, item.reason, item.bytes)
print(peak() - before)
"""


def test_a_line_of_200_megabytes_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    block = "我想回家" * 1_000_000
    with path.open("w", encoding="utf-8") as file:
        for _ in range(17):
            file.write(block)
    size = path.stat().st_size
    assert size > 200_000_000
    command = [sys.executable, "-c", _READ_LONG, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    path.unlink()
    text, jsonl, megabytes = result.stdout.splitlines()
    for line in (text, jsonl):
        assert line.startswith(f"{path} line 1 longer than 10,000,000 characters")
        assert line.endswith(str(size))
    assert int(megabytes) < 120
