"""`zaoju plan` prints what `zaoju.plan_training` finds."""

from __future__ import annotations

from pathlib import Path

import zaoju
from support.calling import Call


def test_a_plan_as_lines(tmp_path: Path, call: Call) -> None:
    arguments = ["--size", "175B", "--devices", "1024", "--device", "a100-80gb", "--tokens", "300B", "--price", "2"]
    called = call(tmp_path, "plan", *arguments)
    assert called.exit_code == 0
    plan = zaoju.plan_training(size="175B", devices=1024, device="a100-80gb", tokens="300B", price=2)
    assert called.stdout.startswith("175B: 174,604,259,328 parameters (96 layers of 12,288, 96 heads")
    assert plan.chosen is not None and plan.cost is not None
    assert f"{plan.chosen.memory.total / 1e9:,.2f} GB (weights" in called.stdout
    assert f"{plan.cost:,.0f}, at 2 for a device and an hour" in called.stdout
    lines = {line.split("  ")[0]: line for line in called.stdout.splitlines()}
    assert lines["zero3"].endswith("*") and lines["zero3"].count("*") == 1  # with full checkpointing alone
    assert lines["tensor 8, pipeline 4, zero1"].count("*") == 3 and lines["ddp"].count("*") == 0


def test_json_and_page(tmp_path: Path, call: Call) -> None:
    called = call(tmp_path, "plan", "--size", "gpt2", "--json", "--report", "plan.html")
    assert isinstance(called.json, dict)
    assert called.json["parameters"] == 124_439_808
    assert (tmp_path / "plan.html").is_file()


def test_what_does_not_fit_says_what_would(tmp_path: Path, call: Call) -> None:
    called = call(tmp_path, "plan", "--size", "13B", "--devices", "1", "--device-memory", "80", "--precision", "bf16")
    assert "nothing: one device with full checkpointing takes the least" in called.stdout
    assert "add devices or leave --devices out" in called.stdout


def test_mistakes_end_with_2(tmp_path: Path, call: Call) -> None:
    called = call(tmp_path, "plan", "--size", "gtp2")
    assert called.exit_code == 2
    assert called.stderr.startswith("error: plan: there is no size 'gtp2'; did you mean 'gpt2'?")
    assert call(tmp_path, "plan").exit_code == 2  # no size, and no configuration here
