"""The numbers of llama.cpp's own test of its samplers (tests/test-sampling.cpp, MIT licence)."""

from __future__ import annotations

import pytest
import torch

from support.decoder_helpers import apply
from zaoju import Transform
from zaoju_builtin.decoding.transforms.dynamic_temperature import DynamicTemperature
from zaoju_builtin.decoding.transforms.min_p import MinP
from zaoju_builtin.decoding.transforms.options import MinPOptions
from zaoju_builtin.decoding.transforms.p_less import PLess
from zaoju_builtin.decoding.transforms.temperature import Temperature
from zaoju_builtin.decoding.transforms.top_k import TopK
from zaoju_builtin.decoding.transforms.top_p import TopP
from zaoju_builtin.decoding.transforms.typical import Typical
from zaoju_builtin.decoding.transforms.xtc import XTC

RISING = [0.1, 0.2, 0.3, 0.4]
FALLING = [0.4, 0.3, 0.2, 0.1]
STEPS = [0.1, 0.15, 0.2, 0.25, 0.3]
EVEN = [0.2] * 5


def dynatemp(temperature: float, delta: float, exponent: float) -> dict[str, float]:
    return {
        "dynatemp_min": max(0.0, temperature - delta),
        "dynatemp_max": temperature + delta,
        "dynatemp_exponent": exponent,
    }


def xtc(threshold: float) -> dict[str, float]:
    return {"xtc_probability": 0.99, "xtc_threshold": threshold}


NUMBERS: list[tuple[Transform, dict[str, float], list[float], list[float]]] = [
    (Temperature(), {"temperature": 1.0}, RISING, RISING),
    (Temperature(), {"temperature": 0.0}, RISING, [0, 0, 0, 1]),
    (DynamicTemperature(), dynatemp(1.0, 0.0, 1.0), RISING, RISING),
    (DynamicTemperature(), dynatemp(0.0, 0.0, 1.0), RISING, [0, 0, 0, 1]),
    (TopK(), {"top_k": 1}, RISING, [0, 0, 0, 1]),
    (TopK(), {"top_k": 3}, RISING, [0, 0.22222, 0.33333, 0.44444]),
    (TopK(), {"top_k": 4}, RISING, RISING),
    (TopK(), {"top_k": 0}, RISING, RISING),
    (TopP(), {"top_p": 0.0}, RISING, [0, 0, 0, 1]),
    (TopP(), {"top_p": 0.7}, RISING, [0, 0, 0.428571, 0.571429]),
    (TopP(), {"top_p": 0.8}, RISING, [0, 0.22222, 0.33333, 0.44444]),
    (TopP(), {"top_p": 1.0}, RISING, RISING),
    (MinP(), {"min_p": 0.0}, RISING, RISING),
    (MinP(), {"min_p": 0.24}, RISING, RISING),
    (MinP(), {"min_p": 0.26}, RISING, [0, 2 / 9, 3 / 9, 4 / 9]),
    (MinP(), {"min_p": 0.49}, RISING, [0, 2 / 9, 3 / 9, 4 / 9]),
    (MinP(), {"min_p": 0.51}, RISING, [0, 0, 3 / 7, 4 / 7]),
    (MinP(), {"min_p": 0.74}, RISING, [0, 0, 3 / 7, 4 / 7]),
    (MinP(), {"min_p": 0.76}, RISING, [0, 0, 0, 1]),
    (MinP(), {"min_p": 1.0}, RISING, [0, 0, 0, 1]),
    # Of XTC and of typical the test has what is kept before it is normalised.
    (XTC(), xtc(0.09), FALLING, [0, 0, 0, 0.1]),
    (XTC(), xtc(0.19), FALLING, [0, 0, 0.2, 0.1]),
    (XTC(), xtc(0.29), FALLING, [0, 0.3, 0.2, 0.1]),
    (XTC(), xtc(0.39), FALLING, FALLING),
    (Typical(), {"typical_p": 0.5}, [0.97, 0.01, 0.01, 0.01], [0.97, 0, 0, 0]),
    (Typical(), {"typical_p": 0.5}, [0.4, 0.2, 0.2, 0.2], [0, 0.2, 0.2, 0.2]),
    (PLess(), {"p_less": True}, STEPS, [0, 0, 0, 0.45454545, 0.54545455]),
    (PLess(), {"p_less": True}, EVEN, EVEN),
]
NAMES = [f"{type(transform).__name__}-{list(options.values())}" for transform, options, *_ in NUMBERS]


@pytest.mark.parametrize(("transform", "options", "given", "expected"), NUMBERS, ids=NAMES)
def test_numbers(transform: Transform, options: dict[str, float], given: list[float], expected: list[float]) -> None:
    """Probabilities and thresholds are float32, as there. The chance of XTC is 0.99, and it happens, as there."""
    logits = torch.tensor([given]).log()
    singles = {name: torch.tensor(value).item() for name, value in options.items()}
    left = apply(transform, logits, **singles).softmax(dim=1)[0] * sum(expected)
    assert left.tolist() == pytest.approx(expected, abs=1e-5)


def test_a_min_p_above_1_is_refused() -> None:
    """There 1.05 keeps the most probable token; vLLM and transformers refuse it as well."""
    with pytest.raises(ValueError, match="less than or equal to 1"):
        MinPOptions(min_p=1.05)
