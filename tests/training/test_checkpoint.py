"""Checkpoints on disk: whole, checked, and never the last good one lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors import SafetensorError

from zaoju.contracts import CheckpointSaved, Event, Notice
from zaoju.errors import UserError
from zaoju.models import CausalLM
from zaoju.training import Checkpoints, keep_best


def writer(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "a").write_text(text, encoding="utf-8")
        (folder / "b").write_text(text * 2, encoding="utf-8")

    return write


def test_the_newest_two_stay(tmp_path: Path) -> None:
    events: list[Event] = []
    checkpoints = Checkpoints(tmp_path, events.append)
    assert checkpoints.newest() is None
    paths = [checkpoints.save(step, writer(str(step))) for step in (0, 5, 12)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000005", "step-00000012"]
    assert checkpoints.newest() == paths[-1]
    assert events == [CheckpointSaved(step, path) for step, path in zip((0, 5, 12), paths, strict=True)]


def test_what_a_killed_process_left_is_no_checkpoint_and_goes(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, lambda event: None)
    good = checkpoints.save(1, writer("x"))
    (tmp_path / ".step-00000007.partial").mkdir()
    (tmp_path / ".step-00000007.partial" / "a").write_text("half", encoding="utf-8")
    (tmp_path / "step-00000009").mkdir()
    assert checkpoints.newest() == good
    checkpoints.save(10, writer("y"))
    assert not list(tmp_path.glob(".*"))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["a", "b", "manifest.json"])
@pytest.mark.parametrize("damage", [flip_a_bit, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-2])])
def test_a_damaged_file_is_found_and_the_one_before_is_taken(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    events: list[Event] = []
    checkpoints = Checkpoints(tmp_path, events.append)
    good, bad = checkpoints.save(1, writer("x")), checkpoints.save(2, writer("y"))
    assert checkpoints.newest() == bad
    damage(bad / name)
    assert checkpoints.newest() == good
    [notice] = [event for event in events if isinstance(event, Notice)]
    assert str(bad) in notice.message and name in notice.message


def test_swapped_files_are_found(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, lambda event: None)
    good, bad = checkpoints.save(1, writer("x")), checkpoints.save(2, writer("y"))
    (bad / "a").write_bytes((good / "a").read_bytes())
    assert checkpoints.newest() == good


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_failing_writer_leaves_the_old_ones(tmp_path: Path, error: Exception) -> None:
    checkpoints = Checkpoints(tmp_path, lambda event: None)
    good = checkpoints.save(1, writer("x"))

    def full(folder: Path) -> None:
        (folder / "a").write_text("half", encoding="utf-8")
        raise error

    with pytest.raises(UserError, match=r"step 2 cannot be written to .*No space left.*untouched"):
        checkpoints.save(2, full)
    assert [path.name for path in tmp_path.iterdir()] == [good.name]
    assert checkpoints.newest() == good


def test_a_best_model_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    class Unwritable(CausalLM):
        def save(self, folder: Path) -> None:
            raise SafetensorError("No space left on device")

    Unwritable.__abstractmethods__ = frozenset()
    with pytest.raises(UserError, match=r"the best model, of step 3, cannot be written to .*No space left"):
        keep_best(tmp_path, Unwritable(), 3)  # type: ignore[abstract]  # nothing but `save` is called
    assert not list(tmp_path.iterdir())
