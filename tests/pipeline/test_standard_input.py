"""A corpus that comes through standard input: kept under its content, read again, never waited for in vain."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import zaoju

READER = 'corpus.readers=[{name: text, paths: ["-"], documents: line}]'
POEMS = "春眠不觉晓\n处处闻啼鸟\n夜来风雨声\n".encode()


def command(folder: Path, *arguments: str, stdin: int | bytes) -> subprocess.CompletedProcess[bytes]:
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    line = [sys.executable, "-m", "zaoju", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, timeout=120, **given)  # type: ignore[call-overload]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    reader = {"name": "text", "paths": ["-"], "documents": "line"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"run": "run", "corpus": {"readers": [reader]}}), "utf-8")
    return tmp_path


def documents(folder: Path) -> list[dict[str, str]]:
    (prepared,) = (folder / "run" / "stages").glob("prepare-*")
    lines = [line for part in ("train", "held_out") for line in (prepared / f"{part}.jsonl").open(encoding="utf-8")]
    return sorted((json.loads(line) for line in lines), key=lambda line: line["source"])


def test_a_pipe_is_a_corpus_and_is_read_again_where_nothing_comes(project: Path) -> None:
    first = command(project, "prepare", stdin=POEMS)
    assert first.returncode == 0, first.stderr.decode()
    assert [(line["text"], line["source"]) for line in documents(project)] == [
        ("春眠不觉晓", "standard_input:1"),
        ("处处闻啼鸟", "standard_input:2"),
        ("夜来风雨声", "standard_input:3"),
    ]
    again = command(project, "prepare", stdin=subprocess.DEVNULL)
    assert again.returncode == 0
    assert "what came the last time is read again" in again.stderr.decode()
    assert "prepare: unchanged" in again.stderr.decode()
    same = command(project, "prepare", stdin=POEMS)
    assert "prepare: unchanged" in same.stderr.decode() and "the last time" not in same.stderr.decode()
    other = command(project, "prepare", stdin=POEMS * 2)
    assert other.returncode == 0 and "unchanged" not in other.stderr.decode()
    assert len(list((project / "run" / "inputs").iterdir())) == 2


def test_a_terminal_is_never_waited_for(project: Path) -> None:
    terminal, other = pty.openpty()
    try:
        done = command(project, "prepare", "--set", READER, stdin=other)
    finally:
        os.close(terminal)
        os.close(other)
    assert done.returncode == 2
    assert (
        "a reader has the path `-`" in done.stderr.decode() and "cat poems.txt | zaoju prepare" in done.stderr.decode()
    )


def test_an_empty_pipe_is_an_error_even_where_there_is_an_earlier_input(project: Path) -> None:
    assert command(project, "prepare", stdin=POEMS).returncode == 0
    done = command(project, "prepare", stdin=b"")
    assert done.returncode == 2 and "standard input is empty" in done.stderr.decode()
    assert len(list((project / "run" / "inputs").iterdir())) == 1


def test_status_and_clean_do_not_read_it_and_the_last_input_stays(project: Path) -> None:
    waiting, writer = os.pipe()  # a pipe into which nobody writes
    try:
        assert b"to do" in command(project, "status", stdin=waiting).stdout
        assert command(project, "prepare", stdin=POEMS).returncode == 0
        assert command(project, "prepare", stdin=POEMS * 2).returncode == 0
        assert b"done" in command(project, "status", stdin=waiting).stdout
        assert command(project, "clean", stdin=waiting).returncode == 0
    finally:
        os.close(waiting)
        os.close(writer)
    (kept,) = (project / "run" / "inputs").iterdir()
    assert (kept / "standard_input").read_bytes() == POEMS * 2
    assert [line["source"] for line in documents(project)] == [f"standard_input:{number}" for number in (1, 2, 3)]


def test_only_paths_are_replaced_and_memory_does_not_grow(project: Path) -> None:
    config = {"name": "csv", "paths": ["-"], "columns": ["-"], "delimiter": "-", "header": True}
    code = (
        "import resource, sys, zaoju; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "from zaoju.pipeline.standard_input import keep_standard_input; from pathlib import Path; import threading;"
        "path = keep_standard_input(Path('big'), lambda event: None, threading.Event());"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before;"
        "assert path.stat().st_size == 200_000_000, path; print(grown)"
    )
    (project / "config.yaml").write_text(yaml.safe_dump({"run": "run", "corpus": {"readers": [config]}}), "utf-8")
    done = command(project, "prepare", stdin='"-"-b\n春-1\n秋-2\n'.encode())
    assert done.returncode == 0, done.stderr.decode()
    assert [line["text"] for line in documents(project)] == ["春", "秋"]
    line = f"{sys.executable} -c \"import sys; [sys.stdout.buffer.write(b'x' * 1000000) for _ in range(200)]\""
    piped = subprocess.run(
        f'{line} | {sys.executable} -c "{code}"', shell=True, cwd=project, capture_output=True, text=True, timeout=60
    )
    assert piped.returncode == 0, piped.stderr
    assert int(piped.stdout) < 80_000  # kilobytes; most are modules


def test_the_shown_configuration_keeps_the_dash(project: Path) -> None:
    shown = zaoju.show_config(project / "config.yaml")
    assert shown.data["corpus"]["readers"][0]["paths"] == ["-"]  # type: ignore[index]
