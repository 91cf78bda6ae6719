from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from odd_segmenters import component

from zaoju import UserError
from zaoju.plugins import ResolvedComponent
from zaoju.tokenization import segment_documents

JIEBA = component(
    "zaoju_builtin.segmenters.jieba_words:JiebaSegmenter", "zaoju_builtin.segmenters.options:JiebaOptions"
)
RJIEBA = component(
    "zaoju_builtin.segmenters.rjieba_words:RjiebaSegmenter", "zaoju_builtin.segmenters.options:RjiebaOptions"
)
DOCUMENTS = [f"第{number}回 我想去北京大学读书，\n然后回家。" * (1 + number % 5) for number in range(1_500)]


@pytest.mark.parametrize("segmenter", [JIEBA, RJIEBA], ids=["jieba", "rjieba"])
def test_many_processes_give_what_one_gives_in_the_same_order(segmenter: ResolvedComponent) -> None:
    alone = list(segment_documents(segmenter, DOCUMENTS, 1))
    assert ["".join(pieces) for pieces in alone] == DOCUMENTS
    for workers in (2, 4):
        assert list(segment_documents(segmenter, iter(DOCUMENTS), workers)) == alone


@pytest.mark.parametrize("workers", [1, 2])
def test_no_documents_give_no_pieces(workers: int) -> None:
    assert list(segment_documents(JIEBA, [], workers)) == []


def test_documents_are_read_only_a_little_ahead() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "我 想"

    pieces = segment_documents(component("Dropping"), endless(), 2)
    assert [next(pieces) for _ in range(3)] == [["我", " ", "想"]] * 3
    assert taken <= 7 * 256
    pieces.close()  # type: ignore[attr-defined]  # a generator, and nothing is left running


def test_a_process_that_dies_is_an_error_that_says_what_to_do() -> None:
    documents = ["活"] * 600 + ["死"]
    with pytest.raises(UserError, match=r"segmenter 'dying' died; .*tokenization.workers: 1"):
        list(segment_documents(component("Dying"), documents, 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_the_segmenter_arrive(workers: int) -> None:
    with pytest.raises(UserError, match="the dictionary is missing"):
        list(segment_documents(component("Unwilling"), ["我"] * 600, workers))
    with pytest.raises(UserError, match="segmenter 'changing' changes the text"):
        list(segment_documents(component("Changing"), ["我"] * 600 + ["Ａ"], workers))


_PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
from odd_segmenters import component
from zaoju.tokenization import segment_documents
def endless():
    while True:
        yield "想" * 1000
pieces = segment_documents(component("Dropping"), endless(), 2)
if __name__ == "__main__":
    next(pieces)
    import multiprocessing
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    import time
    time.sleep(60)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT, encoding="utf-8")
    command = [sys.executable, str(script), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(number) for number in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.send_signal(signal.SIGKILL)
    for _ in range(300):
        children = [child for child in children if _runs(child)]
        if not children:
            return
        time.sleep(0.1)
    pytest.fail(f"still running: {children}")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.getpid() != process
