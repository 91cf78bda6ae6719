"""A plan from what a user knows: the published trainings, the configuration's model, and mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import zaoju
from zaoju.errors import ConfigError
from zaoju.models import GPT2, GPT2Config
from zaoju.planning import DEVICES

DAY = 86400


def small(**changed: object) -> dict[str, object]:
    return {"model": {"size": "nano"}, "trainer": {"name": "lean", "steps": 5}, **changed}


def test_gpt3_on_the_cluster_of_megatron() -> None:
    """Narayanan et al., 2021: 34 days; 140 teraFLOP/s count the forward pass that is done twice."""
    plan = zaoju.plan_training(
        size="175B",
        tokens="300B",
        devices=1024,
        device="a100-80gb",
        mfu=140 / 312,
        checkpointing="full",
        attention="plain",
        price=2,
    )
    assert plan.seconds is not None and plan.cost is not None
    assert plan.seconds / DAY == pytest.approx(34, rel=0.03)
    assert plan.cost == pytest.approx(plan.seconds / 3600 * 1024 * 2)
    assert plan.flops == pytest.approx(3.14e23, rel=0.03)  # table D.1 counts no attention
    assert plan.step_tokens == pytest.approx(3.2e6, rel=0.35)
    by_name = {option.sharding.name: option for option in plan.shardings}
    assert by_name["ddp"].memory.total > 16 * 174e9
    assert not by_name["ddp"].fits and not by_name["zero2"].fits and by_name["zero3"].fits
    assert plan.chosen is by_name["zero3"]
    # Their run: tensor parallelism over 8 devices, a pipeline of 16.
    assert by_name["tensor 8, pipeline 16, zero1"].fits


@pytest.mark.parametrize(
    ("size", "fewest", "sharding"), [("gpt2", 1, "one device"), ("1.3B", 1, "one device"), ("13B", 4, "zero3")]
)
def test_the_fewest_devices_and_the_simplest_sharding(size: str, fewest: int, sharding: str) -> None:
    plan = zaoju.plan_training(size=size, device="a100-80gb")
    assert plan.devices == fewest
    assert plan.chosen is not None and plan.chosen.sharding.name == sharding
    assert plan.chosen.memory.total <= 0.9 * 80e9
    if fewest > 1:
        assert zaoju.plan_training(size=size, device="a100-80gb", devices=fewest // 2).chosen is None


def test_a_model_of_1_3_billion_takes_16_bytes_a_weight() -> None:
    """EleutherAI, "Transformer Math 101", mixed precision with AdamW."""
    plan = zaoju.plan_training(size="1.3B")
    memory = plan.shardings[0].memory
    assert memory.weights + memory.gradients + memory.optimiser == 16 * plan.parameters
    assert plan.tokens == 20 * plan.parameters
    assert plan.seconds is None and plan.cost is None and plan.chosen is not None and plan.chosen.fits is None


def test_days_give_devices() -> None:
    plan = zaoju.plan_training(size="13B", device="h100-80gb", days=30)
    assert plan.seconds is not None
    assert plan.devices % 8 == 0
    assert 20 * DAY < plan.seconds <= 30 * DAY
    large = zaoju.plan_training(size="175B", device="h100-80gb", days=60)
    assert large.waiting > 1 and large.seconds is not None
    assert 50 * DAY < large.seconds <= 60 * DAY
    fewer = zaoju.plan_training(size="13B", device="h100-80gb", devices=plan.devices - 8)
    assert fewer.seconds is not None and fewer.seconds > 30 * DAY


def test_numbers_of_a_size_can_be_changed() -> None:
    plan = zaoju.plan_training(size="gpt2", vocabulary=8000, context=512, layers=6)
    expected = GPT2(GPT2Config(8000, 512, 768, 6, 12)).parameter_count()
    assert plan.parameters == expected
    assert plan.work.name == "gpt2, changed"
    assert zaoju.plan_training(layers=6, width=768, heads=12, vocabulary=8000, context=512).parameters == expected


def test_the_model_of_a_configuration(tmp_path: Path) -> None:
    given = small(tokenization={"vocabulary": {"name": "words", "size": 3000}})
    plan = zaoju.plan_training(given, tokens=64000)
    assert plan.parameters == GPT2(GPT2Config(3000, 64, 64, 2, 2)).parameter_count()
    assert (plan.work.one.sequences, plan.step_tokens, plan.steps) == (16, 16 * 64, 62)
    llama = zaoju.plan_training(small(model={"architecture": "llama", "size": "tiny"}), vocabulary=500)
    assert llama.work.shape.gated
    GPT2(GPT2Config(700, 32, 64, 2, 2)).save(tmp_path / "model")
    going_on = zaoju.plan_training(small(model={"init_from": str(tmp_path / "model")}))
    assert (going_on.work.shape.vocabulary, going_on.work.shape.context) == (700, 32)


def test_a_batch_that_is_left_open_follows_from_the_length() -> None:
    """Where the trainer is given minutes, as in the training itself."""
    given = small(
        tokenization={"vocabulary": {"name": "words", "size": 3000}},
        trainer={"name": "lean", "minutes": 5, "accumulate": 2},
    )
    sizes = [zaoju.plan_training(given, tokens=tokens).work.one.sequences for tokens in (1000, 1_000_000)]
    assert sizes == [1, 16]


def test_averages_of_the_weights_are_planned_for() -> None:
    """4 bytes a weight, which ZeRO divides as it does the moments."""
    vocabulary = {"tokenization": {"vocabulary": {"name": "words", "size": 3000}}}
    plain, averaged = (
        zaoju.plan_training(small(**vocabulary, trainer={"name": "lean", "steps": 5, "ema": ema}), devices=4)
        for ema in (None, 0.999)
    )
    for without, held in zip(plain.shardings, averaged.shardings, strict=True):
        owned = plain.parameters / (4 if without.sharding.stage >= 1 else 1)
        if without.sharding.devices == without.sharding.data:
            assert held.memory.optimiser - without.memory.optimiser == pytest.approx(4 * owned)
        assert held.memory.optimiser > without.memory.optimiser


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": "gtp2"}, r"no size 'gtp2'; did you mean 'gpt2'\?"),
        ({"size": "gpt2", "heads": 7}, r"n_embd 768 must be a multiple of n_head 7; for this width n_head can be"),
        ({"layers": 3, "heads": 2}, "layers, heads without width is no model"),
        ({"size": "gpt2", "device": "h200x"}, r"no device 'h200x' is known; did you mean 'h200'\?; known are"),
        ({"size": "gpt2", "precision": "fp8"}, r"no precision 'fp8'.*there are float32, bf16, autocast"),
        ({"size": "gpt2", "checkpointing": "some"}, r"no checkpointing 'some'.*there are none, selective, full"),
        ({"size": "gpt2", "tokens": "many"}, r"tokens: must be a number above 0, such as 300B.*'many'"),
        ({"size": "gpt2", "tokens": -1}, "tokens: must be a number above 0"),
        ({"size": "gpt2", "mfu": 40}, "mfu: must be above 0 and at most 1, such as 0.4, and is 40"),
        ({"size": "gpt2", "devices": 0}, "devices: must be a whole number of at least 1"),
        ({"size": "gpt2", "days": 3}, "days: how many devices finish in time depends"),
        ({"size": "175B", "device_memory": 0.5}, "no sharding of 174,604,259,328 weights over up to 131,072 devices"),
    ],
)
def test_mistakes_are_answered(options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        zaoju.plan_training(**options)  # type: ignore[arg-type]  # mistakes


def test_a_vocabulary_of_no_size_has_to_be_given() -> None:
    config = small(tokenization={"vocabulary": "characters"})
    with pytest.raises(ConfigError, match=r"'characters'.*as many tokens as the corpus needs; give vocabulary"):
        zaoju.plan_training(config)
    assert zaoju.plan_training(config, vocabulary=5000).work.shape.vocabulary == 5000


def test_every_device_names_its_source() -> None:
    for device in DEVICES.values():
        assert device.source and device.memory and device.bf16 and device.float32
        assert device.bf16 > device.float32


def test_a_page_and_json(tmp_path: Path) -> None:
    plan = zaoju.plan_training(size="13B", devices=64, device="a100-40gb", price=1.5)
    zaoju.write_plan_page(tmp_path / "plan.html", plan)
    text = (tmp_path / "plan.html").read_text("utf-8")
    assert "Plan for 13B" in text and "zero3, none" in text
    values = json.loads(json.dumps(plan.to_json()))
    assert values["parameters"] == plan.parameters
    assert values["shardings"][0]["memory"]["total"] == plan.shardings[0].memory.total


def test_a_plan_on_paper_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from zaoju.cli import main; main(['plan', '--size', '1.3B', '--json'], standalone_mode=False); "
        "sys.exit(bool({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "1.3B"
