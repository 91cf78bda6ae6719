"""The benchmark of regulated poems counts what it says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

HOME = Path(__file__).resolve().parents[2] / "benchmarks"
POEM = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(HOME))
    import regulated_poems

    yield regulated_poems


def test_form(benchmark: ModuleType) -> None:
    lines = benchmark.lines_of
    assert lines(POEM) == ["白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼"]
    assert benchmark.is_regulated(lines(POEM))
    for broken in (POEM.replace("黄河", "河"), POEM.replace("，更上一层楼", ""), "，".join(["白日依山"] * 4)):
        assert not benchmark.is_regulated(lines(broken))
    form = benchmark.form_of([lines(POEM), lines(POEM.replace("黄河", "河"))])
    assert (form.lines, form.poems) == (5 / 6, 1 / 2)


def test_a_title_is_no_line(benchmark: ModuleType) -> None:
    titled = "登鹳雀楼 其一\n" + POEM.replace("。", "。\n")
    assert benchmark.lines_of(titled) == benchmark.lines_of(POEM)
    assert benchmark.beginning_of(titled) == "登鹳雀楼 其一\n白日依山尽，"
    assert benchmark.beginning_of(POEM) == "白日依山尽，"
    assert benchmark.lines_of("白日依山尽\n黄河入海流") == ["白日依山尽", "黄河入海流"]


def test_what_is_no_regulated_poem_gives_no_first_line(benchmark: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "poems.txt"
    path.write_text(f"{POEM}\n\n人闲桂花落。\n{POEM}\n", "utf-8")
    assert benchmark.read_poems(path, 9) == [POEM, POEM]
    assert benchmark.read_poems(path, 1) == [POEM]


def test_characters_by_themselves_keep_no_form(benchmark: ModuleType) -> None:
    """The negative control of the measure: the same characters, and no model."""
    poems = [POEM] * 300
    assert benchmark.form_of(benchmark.scattered(poems, random.Random(1))).lines < 0.3
