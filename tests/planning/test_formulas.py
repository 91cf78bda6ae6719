"""The formulas, checked line by line against the numbers that their sources print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zaoju.errors import ConfigError
from zaoju.models import GPT2, GPT2Config, Llama, LlamaConfig, model_numbers
from zaoju.planning import (
    GPT3_SIZES,
    PRECISIONS,
    ModelShape,
    Pass,
    Sharding,
    bubble_factor,
    chinchilla_tokens,
    communication,
    cost_of,
    device_memory,
    devices_for,
    flops_per_token,
    flops_without_attention,
    layer_bytes,
    megatron_flops_per_token,
    recomputation_factor,
    seconds_of,
    shape_of_size,
    size_names,
    stage_parameters,
    state_bytes,
    suggest,
)

BF16 = PRECISIONS["bf16"]
DAY = 86400


def test_gpt2_has_exactly_its_parameters() -> None:
    """Those of the model that OpenAI published."""
    assert shape_of_size("gpt2").parameters == 124_439_808
    assert shape_of_size("gpt2-medium").parameters == 354_823_168
    assert shape_of_size("gpt2-large").parameters == 774_030_080
    assert shape_of_size("gpt2-xl").parameters == 1_557_611_200


@pytest.mark.parametrize(
    ("size", "flops"),
    [
        ("125M", 2.25e20),
        ("350M", 6.41e20),
        ("760M", 1.37e21),
        ("1.3B", 2.38e21),
        ("2.7B", 4.77e21),
        ("6.7B", 1.20e22),
        ("13B", 2.31e22),
        ("175B", 3.14e23),
    ],
)
def test_gpt3_has_the_parameters_and_the_arithmetic_of_table_d1(size: str, flops: float) -> None:
    """Brown et al., 2020, table D.1: parameters in millions, and total FLOPs for 300 billion tokens."""
    parameters = shape_of_size(size).parameters
    assert parameters / 1e6 == pytest.approx(GPT3_SIZES[size].millions, rel=4e-3)
    assert flops_without_attention(parameters, 300e9) == pytest.approx(flops, rel=5e-3)


def test_the_counts_are_those_of_the_modules() -> None:
    for size in ("nano", "tiny", "mini"):
        numbers = model_numbers("gpt2", size, {})
        module = GPT2(GPT2Config.from_numbers({**numbers, "vocab_size": 300}))
        assert ModelShape.of("gpt2", numbers, 300).parameters == module.parameter_count()
    for family, more in (
        ("llama", {}),
        ("mistral", {"num_key_value_heads": 2}),
        ("qwen2", {"tie_word_embeddings": False}),
        ("qwen3", {"attention_bias": True}),
        ("llama", {"mlp_bias": True, "attention_bias": True}),
    ):
        numbers = {**model_numbers(family, "tiny", {}), **more}
        described = {**numbers, "model_type": family, "vocab_size": 300}
        module_of_family = Llama(LlamaConfig.from_json(described))
        assert ModelShape.of(family, numbers, 300).parameters == module_of_family.parameter_count(), (family, more)


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_zero_figure_1(stage: int, gigabytes: float) -> None:
    """Rajbhandari et al., 2020, figure 1: 7.5 billion weights on 64 devices."""
    assert round(state_bytes(7.5e9, BF16, stage, 64).total / 1e9, 1) == gigabytes


def test_float32_takes_16_bytes_a_weight_too() -> None:
    """EleutherAI, "Transformer Math 101": float32 weights, gradients and two moments of AdamW."""
    assert {name: precision.state for name, precision in PRECISIONS.items()} == {
        "float32": 16,
        "bf16": 16,
        "autocast": 18,  # with torch's casts
    }


@pytest.mark.parametrize("size", ["6.7B", "13B", "175B"])
@pytest.mark.parametrize("tensor", [1, 2, 8])
def test_activations_of_a_layer(size: str, tensor: int) -> None:
    """Korthikanti et al., 2022, equations 1, 2 and 4, for one token: h (34 + 5 a s / h) and its divisions."""
    shape = shape_of_size(size)
    h, a, s, t = shape.width, shape.heads, shape.context, tensor

    def bytes_of(*, scores: bool, sequence_parallel: bool = True) -> float:
        return layer_bytes(shape, BF16, dropout=True, scores=scores, tensor=tensor, sequence_parallel=sequence_parallel)

    assert bytes_of(scores=True) == pytest.approx(h / t * (34 + 5 * a * s / h))
    assert bytes_of(scores=True, sequence_parallel=False) == pytest.approx(h * (10 + 24 / t + 5 * a * s / (h * t)))
    assert bytes_of(scores=False) == pytest.approx(34 * h / t)


def test_selective_recomputation_saves_what_its_paper_says() -> None:
    """Korthikanti et al., 2022, section 5: 5 a s / h is 80 for GPT-3, and 70 % of its activations go."""
    shape = shape_of_size("175B")
    assert 5 * shape.heads * shape.context / shape.width == 80
    saved = 1 - layer_bytes(shape, BF16, dropout=True, scores=False) / layer_bytes(
        shape, BF16, dropout=True, scores=True
    )
    assert saved == pytest.approx(0.70, abs=0.005)


def test_full_recomputation_keeps_the_inputs_of_the_layers() -> None:
    """2 s b h L bytes (the same, table 2); beside them only one layer is whole at a time."""
    shape = shape_of_size("175B")
    one, full = Pass(1, BF16, dropout=True), Sharding(checkpointing="full")
    deeper = device_memory(replace(shape, layers=97), full, one).activations
    assert deeper - device_memory(shape, full, one).activations == 2 * shape.context * shape.width


def test_megatron_trains_175_billion_in_34_days() -> None:
    """Narayanan et al., 2021, section 5.1: 300 billion tokens on 1,024 A100 at 140 teraFLOP/s, 8 T P / (n X)."""
    assert seconds_of(8 * 300e9 * 175e9, 1024, 140e12, 1.0) / DAY == pytest.approx(34, abs=0.5)
    assert seconds_of(8 * 450e9 * 1008e9, 3072, 163e12, 1.0) / DAY == pytest.approx(84, abs=0.5)
    exact = flops_per_token(shape_of_size("175B")) * 300e9 * 4 / 3
    assert seconds_of(exact, 1024, 140e12, 1.0) / DAY == pytest.approx(34, rel=0.03)  # attention is in here
    assert devices_for(8 * 300e9 * 175e9, 34 * DAY, 140e12, 1.0) == pytest.approx(1024, rel=0.01)


@pytest.mark.parametrize("size", ["1.3B", "13B", "175B"])
def test_two_papers_count_the_same_arithmetic(size: str) -> None:
    """PaLM's appendix B and equation 3 of Narayanan et al., which does the forward pass twice."""
    shape = shape_of_size(size)
    twice = flops_per_token(shape) * recomputation_factor(shape, "full", flash=True)
    # Each weight of positions, norms and biases counts in the first, and none in the second.
    assert twice == pytest.approx(megatron_flops_per_token(shape), rel=5e-3)


def test_selective_recomputation_costs_little() -> None:
    """Korthikanti et al., 2022, section 5: 2.7 % more arithmetic for GPT-3, where all of it costs a third."""
    shape = shape_of_size("175B")
    attention = 4 * shape.layers * shape.width * shape.context / flops_per_token(shape)
    assert recomputation_factor(shape, "selective", flash=False) == pytest.approx(1 + attention)
    assert attention < 0.027
    assert recomputation_factor(shape, "selective", flash=True) == recomputation_factor(shape, "none", flash=False) == 1
    assert recomputation_factor(shape, "full", flash=True) == pytest.approx(4 / 3, rel=2e-3)


@pytest.mark.parametrize(
    ("parameters", "tokens"), [(400e6, 8.0e9), (1e9, 20.2e9), (10e9, 205.1e9), (67e9, 1.5e12), (175e9, 3.7e12)]
)
def test_tokens_are_those_of_chinchilla(parameters: float, tokens: float) -> None:
    """Hoffmann et al., 2022, table 3."""
    assert chinchilla_tokens(round(parameters)) == pytest.approx(tokens, rel=0.13)


def test_batch_and_learning_rate_are_those_of_table_2_1() -> None:
    assert (suggest(174_604_259_328).batch_tokens, suggest(174_604_259_328).learning_rate) == (3_200_000, 0.6e-4)
    assert (suggest(124_439_808).batch_tokens, suggest(124_439_808).learning_rate) == (500_000, 6e-4)
    assert suggest(8_000_000_000).source == "GPT-3 6.7B, Brown et al. 2020, table 2.1"


def test_zero_sends_two_numbers_a_weight_and_stage_3_three() -> None:
    """Rajbhandari et al., 2020, section 7; a ring leaves out its own part."""
    shape, many = shape_of_size("1.3B"), 1 << 20
    sent = [communication(shape, Sharding(stage, many), BF16, 1, 1, shape.parameters).data for stage in range(4)]
    assert [round(one / (BF16.gradient * shape.parameters), 3) for one in sent] == [2, 2, 2, 3]
    alone = communication(shape, Sharding(), BF16, 1, 1, shape.parameters)
    assert (alone.data, alone.tensor, alone.pipeline) == (0, 0, 0)
    inside = communication(shape, Sharding(tensor=2), BF16, 1, 1, 1.0).tensor
    assert inside == 4 * shape.layers * shape.context * shape.width * 2


def test_stages_wait_less_with_more_passes() -> None:
    """Narayanan et al., 2021, section 2.2.1: the bubble is (p - 1) / m of the ideal time."""
    assert bubble_factor(1, 1) == 1
    assert [bubble_factor(8, passes) for passes in (7, 14, 70)] == [2, 1.5, 1.1]


def test_cost_is_by_the_device_and_the_hour() -> None:
    assert cost_of(7200, 8, 2.5) == 40


def test_stages_of_a_pipeline_are_the_whole_model() -> None:
    """But for the copy of the tied embedding that the last stage holds."""
    shape = shape_of_size("13B")
    whole = sum(stage_parameters(shape, Sharding(pipeline=8), stage) for stage in range(8))
    assert whole == shape.parameters + shape.embedding_parameters
    untied = replace(shape, tied=False)
    assert sum(stage_parameters(untied, Sharding(pipeline=4), stage) for stage in range(4)) == untied.parameters


def test_unknown_names_are_answered() -> None:
    with pytest.raises(ConfigError, match=r"no size '175'; did you mean '175B'\?; there are nano.*175B"):
        shape_of_size("175")
    with pytest.raises(ConfigError, match=r"the formulas are those of gpt2 and of llama.*gpt_neox"):
        ModelShape.of("gpt_neox", {}, 100)
    assert shape_of_size("175b") == shape_of_size("175B")
    assert len({name.lower() for name in size_names()}) == len(size_names())
