"""Every file of a checkpoint of every trainer, damaged in every way: found, said, and the one before is used."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dying_runs import OPTIONS, Undisturbed
from final_state import final_state
from trainer_cases import CASES

from zaoju.contracts import Event, Notice, TrainStep
from zaoju.errors import Cancelled, UserError
from zaoju.training import Checkpoints, Counters, best_folder
from zaoju.training.manifest import find_damage, write_manifest


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_by_a_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = random.Random(path.name).randrange(len(content) * 8)
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def swap_with_another(path: Path) -> None:
    """With the next file of the same checkpoint that is not the same."""
    others = [other for other in sorted(path.parent.iterdir()) if other.read_bytes() != path.read_bytes()]
    other = others[sum(one.name < path.name for one in others) % len(others)]
    path.rename(path.with_name("kept"))
    other.rename(path)
    path.with_name("kept").rename(other)


def swap_with_an_earlier_one(path: Path) -> None:
    """With the file of that name in the checkpoint before, where it says something else."""
    earlier = path.parent.with_name("step-00000003") / path.name
    if earlier.read_bytes() == path.read_bytes():
        flip_a_bit(path)
    else:
        shutil.copyfile(earlier, path)


DAMAGES = (Path.unlink, cut_short, cut_by_a_byte, flip_a_bit, empty, swap_with_another, swap_with_an_earlier_one)


@pytest.fixture
def damaged(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """The checkpoints of a run of which the last ones are those of the steps 3 and 4, to be damaged."""
    folder = shutil.copytree(undisturbed.folder / "checkpoints", tmp_path / "checkpoints")
    assert [path.name for path in sorted(folder.glob("step-*"))] == ["step-00000003", "step-00000004"]
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_file_in_every_way(damaged: Path, damage: Callable[[Path], None]) -> None:
    last, before = damaged / "step-00000004", damaged / "step-00000003"
    good = shutil.copytree(last, damaged.with_name("good"))
    names = [path.name for path in last.iterdir()]
    assert len(names) >= 5
    for name in names:
        damage(last / name)
        events: list[Event] = []
        assert Checkpoints(damaged, events.append).newest() == before, f"{name} was damaged, and nobody saw it"
        (notice,) = [event.message for event in events if isinstance(event, Notice)]
        assert str(last) in notice and "is damaged" in notice and "going back to step-00000003" in notice
        # A damaged manifest may say that another file is, and of two that changed places either one.
        assert name in notice or name == "manifest.json" or "swap" in damage.__name__
        shutil.rmtree(last)
        shutil.copytree(good, last)
    assert Checkpoints(damaged, lambda event: None).newest() == last


def test_no_byte_of_the_manifest_can_change_unseen(tmp_path: Path) -> None:
    for name in ("model.safetensors", "state.json"):
        (tmp_path / name).write_text(name, "utf-8")
    write_manifest(tmp_path)
    manifest, draw = tmp_path / "manifest.json", random.Random(1)
    good = manifest.read_bytes()
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 1 << draw.randrange(8)
        manifest.write_bytes(changed)
        assert find_damage(manifest.parent), f"{bytes(changed)!r} passes for {good!r}"
    manifest.write_bytes(good)
    assert find_damage(manifest.parent) == ""


def test_where_both_are_damaged_nothing_is_overwritten(
    trainer_name: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """To begin again in silence would throw away what may be mended."""
    case = CASES[trainer_name]
    folder = shutil.copytree(undisturbed.folder, tmp_path / "run")
    shutil.rmtree(folder / "model")
    for path in (folder / "checkpoints").glob("step-*/*.json"):
        cut_by_a_byte(path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for act in ("preflight", "train"):
        with pytest.raises(
            UserError, match=r"every checkpoint in .* is damaged \(step-00000004: .*step-00000003: "
        ) as no:
            getattr(case.build(**OPTIONS), act)(case.run(folder, first_in=undisturbed.begun))
        assert "remove that folder to begin again" in str(no.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    shutil.rmtree(folder / "checkpoints")
    case.build(**OPTIONS).train(case.run(folder, first_in=undisturbed.begun))
    assert final_state(folder) == undisturbed.state


def test_after_going_back_two_good_ones_are_kept_and_the_damaged_one_goes(
    trainer_name: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Or it would be found again as the newest one, and push good ones out."""
    case = CASES[trainer_name]
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(undisturbed.folder / "train", tmp_path / "train")
    options = {**OPTIONS, "steps": 8, "checkpoint_every_seconds": 1e9}

    def train(stop_after: int) -> None:
        def emit(event: Event) -> None:
            if isinstance(event, TrainStep) and event.step == stop_after:
                run.cancel.set()

        run = case.run(tmp_path, emit, first_in=undisturbed.begun)
        with pytest.raises(Cancelled):
            case.build(**options).train(run)

    for stop, left in ((3, [0, 3]), (6, [3, 6]), (4, [3, 4])):
        train(stop)
        assert sorted(path.name for path in checkpoints.glob("step-*")) == [f"step-{step:08d}" for step in left]
        if stop == 6:
            flip_a_bit(next((checkpoints / "step-00000006").glob("*.safetensors")))


@pytest.mark.parametrize("damage", DAMAGES[:-1])
def test_a_damaged_best_model_is_not_taken(
    undisturbed: Undisturbed, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    events: list[Event] = []
    run = CASES["lean"].run(tmp_path, events.append)
    shutil.copytree(undisturbed.folder / "checkpoints" / "best", run.checkpoints / "best")
    counters = Counters(step=4, steps=4, tokens=1, identity={}, best_step=2, best_bits=1.0)
    assert best_folder(run, counters) == run.checkpoints / "best"
    assert best_folder(run, replace(counters, best_step=4)) is None
    for path in sorted((run.checkpoints / "best").iterdir()):
        content = {one: one.read_bytes() for one in path.parent.iterdir()}
        damage(path)
        events.clear()
        assert best_folder(run, counters) is None
        (notice,) = [event.message for event in events if isinstance(event, Notice)]
        assert "the best model" in notice and "is damaged" in notice and "the last one is taken" in notice
        for one, old in content.items():
            one.write_bytes(old)
