"""Weights that are divided among two processes: the losses of one, whole checkpoints, and what is refused."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
import yaml
from commands import Project, checkpoints, command, output
from several_processes import (
    CLOSE,
    assert_same_training,
    at_step,
    be_killed,
    be_stopped,
    begin,
    losses,
    said,
    two,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def alone(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training in one process, where nothing is divided."""
    folder = begin(project, tmp_path_factory.mktemp("alone") / "project", sharding="zero3", clip=0.1)
    assert command(folder, "train") == 0, output(folder)
    return folder


@pytest.mark.parametrize("sharding", ["zero2", "zero3"])
def test_divided_weights_learn_as_whole_ones_do(project: Project, alone: Path, tmp_path: Path, sharding: str) -> None:
    folder = begin(project, tmp_path / "project", sharding=sharding, clip=0.1)
    assert two(folder, "train") == [0, 0], said(folder)
    assert_same_training(folder, alone)


def test_with_the_norm_of_a_part_the_losses_are_others(project: Project, alone: Path, tmp_path: Path) -> None:
    """The negative control of this file: each process clips by the norm of what it owns."""

    def before(number: int) -> None:
        from accelerate import Accelerator
        from torch.distributed.tensor import DTensor

        def clip(accelerator: Accelerator, parameters: object, most: float) -> torch.Tensor:
            parts = [one.grad.to_local() for one in parameters if isinstance(one.grad, DTensor)]
            norm = torch.nn.utils.get_total_norm(parts)
            for part in parts:
                part.mul_((most / (norm + 1e-6)).clamp(max=1.0))
            return norm

        Accelerator.clip_grad_norm_ = clip

    folder = begin(project, tmp_path / "project", sharding="zero3", clip=0.1)
    assert two(folder, "train", before=before) == [0, 0], said(folder)
    assert losses(folder) != pytest.approx(losses(alone), rel=CLOSE)


def test_a_checkpoint_moves_from_whole_to_divided_weights_and_back(
    project: Project, alone: Path, tmp_path: Path
) -> None:
    folder = begin(project, tmp_path / "project", sharding="zero3", clip=0.1, save_in_background=True)
    stop_early, stop_late = at_step(1, be_stopped, process=0), at_step(3, be_stopped, process=1)
    assert command(folder, "train", before=lambda: stop_early(0)) == 130, output(folder)
    (newest,) = folder.glob("run/checkpoints/*/step-00000002")
    files = sorted(path.name for path in newest.iterdir())

    assert two(folder, "train") == [2, 2]
    assert said(folder).count("error:") == 1 and "processes: 1 then, 2, zero3 now" in said(folder)

    assert two(folder, "train", "--inexact", before=stop_late) == [130, 130], said(folder)
    (newest,) = folder.glob("run/checkpoints/*/step-00000004")
    assert sorted(path.name for path in newest.iterdir()) == files

    assert command(folder, "train") == 2 and "processes: 2, zero3 then, 1 now" in output(folder)
    assert command(folder, "train", "--inexact") == 0, output(folder)
    assert_same_training(folder, alone)


def test_the_death_of_one_process_ends_the_other(project: Project, alone: Path, tmp_path: Path) -> None:
    folder = begin(project, tmp_path / "project", sharding="zero3", clip=0.1)
    codes = two(folder, "train", before=at_step(3, be_killed, process=1))
    assert codes == [2, -signal.SIGKILL], said(folder)
    assert said(folder).count("error:") == 1 and "Traceback" not in said(folder)
    assert checkpoints(folder)[-1] == "step-00000003"
    assert two(folder, "train") == [0, 0], said(folder)
    assert_same_training(folder, alone)


@pytest.mark.slow
def test_a_llama_with_a_head_of_its_own_is_divided(project: Project, tmp_path: Path) -> None:
    folders = [begin(project, tmp_path / name, sharding="zero3") for name in ("one", "two")]
    for folder in folders:
        config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
        numbers = {"tie_word_embeddings": False}
        config["model"] = {"architecture": "llama", "size": "nano", "context": 48, "numbers": numbers}
        (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    assert command(folders[0], "train") == 0, output(folders[0])
    assert two(folders[1], "train") == [0, 0], said(folders[1])
    assert_same_training(folders[1], folders[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimiser": "muon"}, "set optimiser to adamw or auto"),
        ({"ema": 0.9}, "leave ema out"),
        ({"name": "lora"}, "is for the trainer lean"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    project: Project, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = begin(project, tmp_path / "project", **{"sharding": "zero3", **changes})
    assert command(folder, "train") == 2
    assert "sharding: zero3" in output(folder) and message in output(folder)
