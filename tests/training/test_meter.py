"""What is measured beside the loss: the arithmetic of a token, the peak of a device, memory, speed."""

from __future__ import annotations

import math
import subprocess
import sys
import time

import pytest
import torch

from support.peak_memory import PEAK
from zaoju.contracts import ModelPlan
from zaoju.models import GPT2, CausalLM, GPT2Config, new_model
from zaoju.planning import peak_of_gpu
from zaoju.training import Counters, Meter
from zaoju.training.hardware import peak_flops, peak_memory
from zaoju.training.meter import multiplied_parameters

LAYERS, WIDTH, VOCABULARY, WINDOW = 2, 16, 50, 8
GPT2_LAYER = 12 * WIDTH**2 + 13 * WIDTH
"""Four projections of attention, two of the feed-forward part at four times the width, biases, two norms."""


def gpt2(**numbers: object) -> GPT2:
    sizes = {"n_positions": WINDOW, "n_embd": WIDTH, "n_layer": LAYERS, "n_head": 2, "vocab_size": VOCABULARY}
    return GPT2(GPT2Config(**{**sizes, **numbers}))  # type: ignore[arg-type]  # the numbers are of many types


def other(architecture: str, *, tied: bool) -> CausalLM:
    numbers = {
        "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 32,
        "max_position_embeddings": WINDOW, "tie_word_embeddings": tied,
    }  # fmt: skip
    return new_model(ModelPlan(architecture, numbers, VOCABULARY, 0), seed=1)


def meter(model: CausalLM, tokens: int = 0) -> Meter:
    return Meter(model, window=WINDOW, device="cpu", tokens=tokens)


def counters(step: int, tokens: int) -> Counters:
    return Counters(step, 10, tokens, {})


def multiplied(model: CausalLM) -> int:
    return sum(parameter.numel() for parameter in multiplied_parameters(model))


def test_what_is_looked_up_is_not_multiplied() -> None:
    head = VOCABULARY * WIDTH
    assert multiplied(gpt2()) == multiplied(gpt2(tie_word_embeddings=False)) == LAYERS * GPT2_LAYER + 2 * WIDTH + head
    for architecture in ("llama", "gpt_neox"):
        tied, untied = (other(architecture, tied=tied) for tied in (True, False))
        assert multiplied(tied) == multiplied(untied) == untied.parameter_count() - head == tied.parameter_count()


def test_the_arithmetic_of_a_token_is_that_of_palm() -> None:
    model = gpt2()
    weights = LAYERS * GPT2_LAYER + 2 * WIDTH + VOCABULARY * WIDTH
    attention = 12 * LAYERS * WIDTH * WINDOW
    measured = meter(model)
    assert measured.flops_per_token == 6 * weights + attention
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert measured.flops_per_token == 4 * weights + attention, "weights that stand still need no gradient"


def test_the_peak_of_a_cpu_is_what_a_product_reaches() -> None:
    before = torch.get_rng_state()
    peak = peak_flops("cpu")
    assert torch.equal(torch.get_rng_state(), before)
    matrix = torch.ones(512, 512)
    begin = time.perf_counter()
    for _ in range(5):
        matrix @ matrix
    slower = 5 * 2 * 512**3 / (time.perf_counter() - begin)
    assert 1e9 < peak < 1e14
    assert peak > slower / 10


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989), ("NVIDIA H100 PCIe", 756), ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L4", 121), ("NVIDIA L40S", 362), ("NVIDIA A10", 125), ("NVIDIA A10G", None),
        ("NVIDIA GH200 480GB", 989), ("NVIDIA H200", 989), ("NVIDIA GeForce GTX 1080", None),
    ],
)  # fmt: skip
def test_gpus_are_known_by_their_names(name: str, teraflops: int | None) -> None:
    assert peak_of_gpu(name) == (None if teraflops is None else teraflops * 1e12)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems count otherwise")
def test_memory_is_the_peak_of_this_process() -> None:
    """Not that of the process which started it, whose peak Linux hands down in ru_maxrss."""
    code = PEAK + (
        "from zaoju.training.hardware import peak_memory\n"
        "before = peak_memory('cpu'); assert abs(before / 2**20 - peak()) < 2, (before, peak())\n"
        "block = bytearray(200 * 2**20); block[::4096] = bytes([1]) * len(block[::4096]); del block\n"
        "print(peak_memory('cpu') - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 150 * 2**20 < int(done.stdout) < 260 * 2**20
    assert peak_memory("mps") is None


def test_a_report_has_the_speed_since_the_last_one() -> None:
    begin = time.monotonic()
    measured = meter(gpt2(), tokens=100)
    time.sleep(0.05)
    step = measured.measure(counters(3, 600), 2.0, 0.1, 0.7)
    assert (step.step, step.steps, step.loss, step.learning_rate, step.tokens) == (3, 10, 2.0, 0.1, 600)
    assert 500 / (time.monotonic() - begin) < step.tokens_per_second < 500 / 0.05
    assert step.gradient_norm == 0.7
    assert step.peak_memory is not None and step.peak_memory > 2**20
    assert step.flops_utilisation is not None
    share = step.tokens_per_second * measured.flops_per_token / step.flops_utilisation
    assert 1e9 < share < 1e14, "it is a share of the peak"


def test_a_pause_does_not_count() -> None:
    measured = meter(gpt2())
    begin = time.monotonic()
    with measured.pausing():
        time.sleep(0.3)
    time.sleep(0.02)
    step = measured.measure(counters(1, 100), 2.0, 0.1)
    assert step.tokens_per_second > 100 / (time.monotonic() - begin - 0.25)
    assert step.gradient_norm is None and math.isfinite(step.tokens_per_second)
