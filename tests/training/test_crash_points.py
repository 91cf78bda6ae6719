"""Training dies at every call that changes a file, by SIGKILL or with the power, and goes on to the same bits.

A few points of each trainer here; every one by `pytest -m slow tests/training/test_crash_points.py`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from dying_runs import Undisturbed, begin, train
from final_state import final_state

from support.crash_points import DIED, CrashPoints, dying_child
from zaoju.errors import UserError
from zaoju.training import Checkpoints

SOME = {"lean": 4, "lora": 1, "transformers": 1}
"""How many points of a run are looked at where the time is short."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.mark.parametrize("power_loss", [False, True], ids=["killed", "power lost"])
@pytest.mark.parametrize("points", ["some", pytest.param("every", marks=pytest.mark.slow)])
def test_every_point_can_be_survived(
    trainer_name: str, tmp_path: Path, undisturbed: Undisturbed, points: str, power_loss: bool
) -> None:
    assert undisturbed.points > 60, "few points: are the calls counted?"
    every = 1 if points == "every" else -(-undisturbed.points // SOME[trainer_name])
    for point in range(1 + every // 2, undisturbed.points + 1, every):
        folder = begin(tmp_path / str(point), undisturbed.begun)
        assert train(trainer_name, folder, undisturbed.begun, point, power_loss=power_loss) == DIED
        assert train(trainer_name, folder, undisturbed.begun) == 0, (
            f"it does not go on after point {point} of {undisturbed.points}"
        )
        assert final_state(folder) == undisturbed.state, f"other bits after point {point} of {undisturbed.points}"
        shutil.rmtree(folder)


def test_it_survives_dying_again_and_again(trainer_name: str, tmp_path: Path, undisturbed: Undisturbed) -> None:
    """Three times in one run, each a little further on."""
    folder = begin(tmp_path / "run", undisturbed.begun)
    for share, power_loss in ((0.36, False), (0.33, True), (0.29, False)):
        assert (
            train(trainer_name, folder, undisturbed.begun, round(share * undisturbed.points), power_loss=power_loss)
            == DIED
        )
    assert train(trainer_name, folder, undisturbed.begun) == 0
    assert final_state(folder) == undisturbed.state


def test_what_was_not_synchronised_is_lost(tmp_path: Path) -> None:
    """The negative control of the shim: a file without `fsync` is empty afterwards, a name without it is gone."""

    def work() -> None:
        (tmp_path / "kept").write_text("before", encoding="utf-8")
        CrashPoints(tmp_path, 5, power_loss=True).install()
        (tmp_path / "unsynchronised").write_text("x", encoding="utf-8")
        handle = os.open(tmp_path, os.O_RDONLY)
        os.fsync(handle)
        (tmp_path / "nameless").write_text("x", encoding="utf-8")
        (tmp_path / "kept").rename(tmp_path / "renamed")
        os.fsync(handle)

    assert dying_child(work, tmp_path) == DIED
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"kept": "before", "unsynchronised": ""}


def test_a_checkpoint_that_is_not_synchronised_is_found_out(
    trainer_name: str, tmp_path: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test: writers that synchronise nothing lose the run where the power goes late."""
    monkeypatch.setattr("zaoju.files.sync_tree", lambda folder: None)
    monkeypatch.setattr("zaoju.files._sync_folder", lambda folder: None)
    folder = begin(tmp_path / "run", undisturbed.begun)
    assert train(trainer_name, folder, undisturbed.begun, undisturbed.points // 2, power_loss=True) == DIED
    try:
        assert Checkpoints(folder / "checkpoints", lambda event: None).newest() is None
    except UserError as error:
        assert "damaged" in str(error)
