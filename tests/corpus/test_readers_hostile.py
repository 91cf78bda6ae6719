"""Every reader of files on what no reader likes: a reason each time, in bounded memory and time, and no traceback."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_readers import text_reader, write

from support.peak_memory import PEAK
from zaoju import Document
from zaoju.contracts import Problem

_READ = f"""{PEAK}
import json, sys
from pathlib import Path
from zaoju.contracts import Problem
path = Path(sys.argv[1])
from zaoju_builtin.readers import csv, html, json as lists, jsonl, options, parquet, text
made = {{
    "text": (text.TextReader, options.TextOptions), "jsonl": (jsonl.JsonLinesReader, options.JsonLinesOptions),
    "csv": (csv.CsvReader, options.CsvOptions), "json": (lists.JsonReader, options.JsonOptions),
    "html": (html.HtmlReader, options.HtmlOptions), "parquet": (parquet.ParquetReader, options.ParquetOptions),
}}
reader, model = made[sys.argv[2]]
problems = 0
for item in reader(model(paths=[path])).read():
    problems += isinstance(item, Problem)
print(json.dumps([problems, peak()]))
"""
READERS = ("text", "jsonl", "csv", "json", "html", "parquet")


def read_there(path: Path, reader: str) -> tuple[int, int, float]:
    """How many problems, how many MiB at most, how many seconds: in a process of its own."""
    before = time.monotonic()
    command = [sys.executable, "-c", _READ, str(path), reader]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    problems, megabytes = map(int, result.stdout.strip("[]\n").split(","))
    return problems, megabytes, time.monotonic() - before


@pytest.mark.parametrize("reader", READERS)
def test_a_long_line_and_noise_cost_little(tmp_path: Path, reader: str) -> None:
    noise = random.Random(1).randbytes(1 << 20)
    for content in (b"a" * (12 << 20), noise, b"\0" * (1 << 20)):
        problems, megabytes, seconds = read_there(write(tmp_path / "a.txt", content), reader)
        assert problems and megabytes <= 500, (content[:9], problems, megabytes)
        assert seconds <= 10 + len(content) / 1e6, (content[:9], seconds)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_line_of_a_gigabyte_is_refused(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        for _ in range(1 << 10):
            file.write(b"a" * (1 << 20))
    problems, megabytes, seconds = read_there(path, reader)
    path.unlink()
    assert problems and megabytes <= 500 and seconds <= 1_000


def _grow(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("\n冬")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_grow, "it changed while it was read"),
        (lambda path: os.truncate(path, 4), "it changed while it was read"),
        (lambda path: path.unlink(), "it is gone since the run began"),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_named(
    tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    path = write(tmp_path / "a.txt", "春\n" * 100_000)
    items = text_reader(path, documents="line").read()
    assert isinstance(next(items), Document)
    change(path)
    problems = [item for item in items if isinstance(item, Problem)]
    assert problems[-1].source == str(path) and problems[-1].stops and problems[-1].reason.startswith(reason)
