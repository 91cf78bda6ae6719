"""What holds for every model and every cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaoju.models import GPT2Config
from zaoju.planning import (
    CHECKPOINTING,
    PRECISIONS,
    Calibration,
    Cluster,
    MeasuredStep,
    ModelShape,
    Pass,
    Sharding,
    StepRate,
    TrainingPrecision,
    Work,
    device_memory,
    flops_per_token,
    number_of,
    plan_work,
    shape_of_size,
    shardings,
    stage_parameters,
    state_bytes,
)

precisions = st.sampled_from(list(PRECISIONS.values()))
checkpointing = st.sampled_from(CHECKPOINTING)


@st.composite
def shapes(draw: st.DrawFn) -> ModelShape:
    heads = draw(st.sampled_from([1, 2, 4, 8, 12]))
    return ModelShape.gpt2(
        GPT2Config(
            vocab_size=draw(st.integers(100, 60000)),
            n_positions=draw(st.integers(8, 4096)),
            n_embd=heads * draw(st.sampled_from([8, 64, 128])),
            n_layer=draw(st.integers(1, 100)),
            n_head=heads,
            tie_word_embeddings=draw(st.booleans()),
        )
    )


@given(st.integers(1, 10**12), precisions, st.integers(1, 10**5), st.integers(0, 3))
def test_states_of_all_devices_are_at_least_one_model(
    parameters: int, precision: TrainingPrecision, devices: int, stage: int
) -> None:
    states = state_bytes(parameters, precision, stage, devices)
    assert states.total == pytest.approx(states.weights + states.gradients + states.optimiser)
    assert states.total * devices >= precision.state * parameters * (1 - 1e-9)
    if stage == 3 or devices == 1:
        assert states.total * devices == pytest.approx(precision.state * parameters)


@given(shapes(), st.sampled_from([2, 8, 64, 512]), precisions, checkpointing, st.booleans())
def test_more_sharding_never_takes_more_memory(
    shape: ModelShape, devices: int, precision: TrainingPrecision, kind: str, flash: bool
) -> None:
    one = Pass(2, precision, flash=flash, most_logits=1 << 27)
    first, *others = [device_memory(shape, way, one).total for way in shardings(shape, devices, kind)]  # type: ignore[arg-type]
    stages = [first, *others[:3]]
    assert stages == sorted(stages, reverse=True)
    assert all(total <= first * (1 + 1e-9) for total in others)


@given(shapes(), precisions, st.sampled_from([1, 4, 64]), st.booleans())
def test_less_is_kept_takes_less(shape: ModelShape, precision: TrainingPrecision, devices: int, flash: bool) -> None:
    one = Pass(2, precision, flash=flash, accumulates=True)
    kept = [device_memory(shape, Sharding(data=devices, checkpointing=kind), one).activations for kind in CHECKPOINTING]
    assert kept[0] >= kept[1]
    if shape.layers > 1:
        assert kept[1] > kept[2] or not flash


@given(shapes(), precisions, checkpointing, st.integers(1, 3))
def test_larger_models_take_more_of_everything(
    shape: ModelShape, precision: TrainingPrecision, kind: str, times: int
) -> None:
    larger = replace(shape, layers=shape.layers * (1 + times))
    sharding, one = Sharding(data=4, stage=1, checkpointing=kind), Pass(1, precision)  # type: ignore[arg-type]
    assert larger.parameters > shape.parameters
    assert flops_per_token(larger) > flops_per_token(shape)
    assert device_memory(larger, sharding, one).total > device_memory(shape, sharding, one).total
    longer = replace(shape, context=shape.context * 2)
    assert device_memory(longer, sharding, one).total > device_memory(shape, sharding, one).total


@given(shapes(), st.sampled_from([1, 2, 4]), st.integers(1, 6))
def test_the_parts_of_a_model_sum_to_the_whole(shape: ModelShape, tensor: int, pipeline: int) -> None:
    even = replace(shape, layers=shape.layers * pipeline)
    sharding = Sharding(tensor=tensor, pipeline=pipeline)
    whole = sum(stage_parameters(even, sharding, stage) for stage in range(pipeline)) * tensor
    twice = (tensor - 1) * (even.layers * even.whole_vectors + even.position_parameters + even.norm_parameters)
    copy = even.embedding_parameters if even.tied and pipeline > 1 else 0
    assert whole == pytest.approx(even.parameters + twice + copy)


@given(st.floats(1e-13, 1e-9), st.floats(1e-11, 1e-8))
def test_rates_are_found_again(flop: float, byte: float) -> None:
    """Steps that take just what two rates say give these rates."""
    true = StepRate(flop, byte)
    steps = []
    for size, sequences in (("nano", 64), ("tiny", 16), ("mini", 4), ("mini", 16)):
        shape, one = shape_of_size(size), Pass(sequences, PRECISIONS["float32"])
        steps.append(MeasuredStep(shape, one, true.seconds(shape, one)))
    found = StepRate.fit(steps)
    for step in steps:
        assert found.seconds(step.shape, step.one) == pytest.approx(step.seconds, rel=1e-6)


def test_rates_are_never_below_zero() -> None:
    """Times that only a negative rate could explain."""
    one = Pass(4, PRECISIONS["float32"])
    steps = [MeasuredStep(shape_of_size("nano"), one, 1.0), MeasuredStep(shape_of_size("mini"), one, 1.0)]
    found = StepRate.fit(steps)
    assert (
        min(found.seconds_per_flop, found.seconds_per_byte) == 0 < max(found.seconds_per_flop, found.seconds_per_byte)
    )


def test_a_measured_machine_is_planned_by_what_it_did() -> None:
    shape, one = shape_of_size("mini"), Pass(4, PRECISIONS["float32"])
    measured = MeasuredStep(shape, one, 2.0)
    seen = Calibration("cpu", "float32", None, (measured,), StepRate.fit([measured]))
    plan = plan_work(
        Work("mini", shape, one, tokens=100 * 4 * shape.context, batch_tokens=1), Cluster(devices=1, rate=seen.rate)
    )
    assert plan.seconds == pytest.approx(200.0)


def test_numbers_as_people_write_them() -> None:
    assert [number_of("x", text) for text in ("300B", "1.5T", "3e11", "20", "1,000", "64k", 5)] == [
        300e9,
        1.5e12,
        3e11,
        20,
        1000,
        64000,
        5,
    ]
