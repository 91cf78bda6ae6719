"""`zaoju plan`: a training on paper, from what a user knows about the model and the machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack

from zaoju.config import ConfigSource
from zaoju.errors import ConfigError
from zaoju.files import read_json_object
from zaoju.models import GPT2Config, chunk_logits, model_numbers
from zaoju.pipeline.checking import check_config
from zaoju.planning import (
    TYPICAL_MFU,
    WINDOWS_OF_GIVEN_STEPS,
    Calibration,
    Cluster,
    ModelShape,
    Pass,
    TrainingPlan,
    Work,
    check_checkpointing,
    chinchilla_tokens,
    device_named,
    number_of,
    plan_work,
    precision_named,
    shape_of_size,
    windows_of_step,
)


class PlanOptions(TypedDict, total=False):
    """What a plan is about. Numbers may be written as `300B` or `3e11`."""

    size: str | None
    """A size by name, such as `gpt2`, `1.3B`, `13B` or `175B`; without it and without layers, width and heads,
    the model of the configuration."""

    layers: int | None
    width: int | None
    heads: int | None
    vocabulary: int | None
    context: int | None
    """These five change single numbers of the size; a model of the configuration takes the last two."""

    precision: str | None
    """`bf16` (the default), `autocast` or `float32`; after a calibration, that of the trainer on that machine."""

    sequences: int | None
    """How many a device computes with at once; 1 where it is not given, for the configuration its batch_size."""

    tokens: str | float | None
    """How much to train on; 20 tokens a parameter where it is not given."""

    batch_tokens: str | float | None
    """Tokens of a step; those of the nearest size of GPT-3 where they are not given."""

    checkpointing: str | None
    """`none`, `selective` or `full`; as little as fits where it is not given."""

    attention: Literal["flash", "plain"]
    """`plain` keeps the scores of attention, `flash` (the default) does not."""

    dropout: bool
    devices: int | None
    """As many as are needed where it is not given."""

    device: str | None
    """One of `zaoju.planning.DEVICES`."""

    device_memory: float | None
    """In GB (10^9 bytes), in place of that of `device`."""

    device_flops: str | float | None
    """FLOP/s at the peak, in place of those of `device`."""

    mfu: float | None
    """The share of the peak that is reached where nothing is computed twice, from 0 to 1; 0.4 where it is not given."""

    days: float | None
    """Without `devices`: how long it may take."""

    price: float | None
    """Of one device for one hour, in any currency."""

    calibration: Calibration | None
    """What `zaoju.calibrate` has measured: the plan is then for that machine, and the peak and `mfu` do not count."""


def plan_training(
    config: ConfigSource = None, *, overrides: Sequence[str] = (), **options: Unpack[PlanOptions]
) -> TrainingPlan:
    """What a training needs: memory of each device under each sharding, tokens, arithmetic, time and cost.

    Computed by published formulas, on paper; nothing is trained and torch is not imported. Raises `ConfigError`.
    """
    calibration = options.get("calibration")
    precision_name = options.get("precision") or ("bf16" if calibration is None else calibration.precision)
    precision = precision_named(precision_name)
    asked = _model(config, overrides, options)
    checkpointing = options.get("checkpointing") or asked.checkpointing
    _check_counts(options)
    tokens, asked_batch = options.get("tokens"), options.get("batch_tokens")
    one = Pass(
        sequences=options.get("sequences") or asked.sequences,
        precision=precision.with_averages() if asked.averages else precision,
        dropout=options.get("dropout", False),
        flash=options.get("attention", "flash") == "flash",
        most_logits=chunk_logits("cuda" if calibration is None else calibration.device),
    )
    work = Work(
        name=_name(options),
        shape=asked.shape,
        one=one,
        tokens=None if tokens is None else round(number_of("tokens", tokens)),
        batch_tokens=asked.batch_tokens if asked_batch is None else round(number_of("batch_tokens", asked_batch)),
        checkpointing=None if checkpointing is None else check_checkpointing(checkpointing),
    )
    return plan_work(work, _cluster(options, precision_name))


def _name(options: PlanOptions) -> str:
    """What the model is called: by its size where no number of it is changed."""
    size = options.get("size")
    changed = any(options.get(name) for name in ("layers", "width", "heads", "vocabulary", "context"))
    if size is None and not any(options.get(name) for name in ("layers", "width", "heads")):
        return "the configuration's model"
    return "a model of your own" if size is None else f"{size}, changed" if changed else size


def _cluster(options: PlanOptions, precision: str) -> Cluster:
    """The machines that the user has described."""
    name, mfu = options.get("device"), options.get("mfu")
    device = None if name is None else device_named(name)
    memory, flops = options.get("device_memory"), options.get("device_flops")
    if mfu is not None and not 0 < mfu <= 1:
        raise ConfigError(f"plan: mfu: must be above 0 and at most 1, such as 0.4, and is {mfu:g}")
    known_memory = None if device is None else device.memory
    known_flops = None if device is None else device.flops(precision)
    days, price, calibration = options.get("days"), options.get("price"), options.get("calibration")
    if calibration is not None:
        return Cluster(
            name=f"this machine ({calibration.device})",
            devices=1,
            memory=calibration.memory if memory is None else number_of("device_memory", memory) * 1e9,
            price=None if price is None else number_of("price", price),
            rate=calibration.rate,
        )
    if days is not None and flops is None and known_flops is None:
        raise ConfigError(
            "plan: days: how many devices finish in time depends on how fast one is; give device or device_flops"
        )
    return Cluster(
        name="" if name is None else name.lower(),
        source="" if device is None else device.source,
        devices=options.get("devices"),
        memory=known_memory if memory is None else number_of("device_memory", memory) * 1e9,
        flops=known_flops if flops is None else number_of("device_flops", flops),
        mfu=TYPICAL_MFU if mfu is None else mfu,
        days=None if days is None else number_of("days", days),
        price=None if price is None else number_of("price", price),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be trained, as far as it is given."""

    shape: ModelShape
    sequences: int = 1
    """Of a pass."""

    batch_tokens: int | None = None
    checkpointing: str | None = None
    averages: bool = False
    """Whether the trainer keeps moving averages of the weights."""


def _model(config: ConfigSource, overrides: Sequence[str], options: PlanOptions) -> _Asked:
    """The model by its size and numbers, or else that of the configuration."""
    size = options.get("size")
    given = {name: options.get(name) for name in ("layers", "width", "heads")}
    if size is None and not any(given.values()):
        return _configured(config, overrides, options)
    missing = [name for name, value in given.items() if value is None]
    if size is None and missing:
        raise ConfigError(
            f"plan: {', '.join(name for name in given if name not in missing)} without {' and '.join(missing)} is no "
            "model; give all of layers, width and heads, or a size whose other numbers count"
        )
    return _Asked(_changed(None if size is None else shape_of_size(size), options))


def _changed(base: ModelShape | None, options: PlanOptions) -> ModelShape:
    """A GPT with the numbers of `base`, or GPT-2's, where the user gives no others."""
    known = {} if base is None else {"layers": base.layers, "width": base.width, "heads": base.heads}
    ends = {"vocabulary": 50257, "context": 1024}
    if base is not None:
        ends = {"vocabulary": base.vocabulary, "context": base.context}
    numbers = {**known, **ends, **{name: options.get(name) for name in (*known, *ends) if options.get(name)}}
    numbers |= {name: options.get(name) for name in ("layers", "width", "heads") if options.get(name)}
    names = {
        "n_layer": "layers",
        "n_embd": "width",
        "n_head": "heads",
        "vocab_size": "vocabulary",
        "n_positions": "context",
    }
    return ModelShape.gpt2(GPT2Config.from_numbers({name: numbers[ours] for name, ours in names.items()}))


def _configured(config: ConfigSource, overrides: Sequence[str], options: PlanOptions) -> _Asked:
    """Those of a configuration: of its model, its vocabulary and its trainer."""
    plan = check_config(config, overrides=overrides).plan
    model, context = plan.config.model, options.get("context")
    if model.init_from is not None:
        values = read_json_object(model.init_from / "config.json") or {}
        vocabulary = options.get("vocabulary") or values.get("vocab_size")
        architecture, numbers = str(values.get("model_type")), values
    else:
        vocabulary = options.get("vocabulary") or plan.vocabulary.options.get("size")
        architecture = model.architecture
        numbers = dict(model_numbers(architecture, model.size, model.numbers, context or model.context))
    if not isinstance(vocabulary, int):
        raise ConfigError(
            f"plan: the vocabulary {plan.vocabulary.name!r} of the configuration gets as many tokens as the "
            "corpus needs; give vocabulary, the number that you expect"
        )
    shape = ModelShape.of(architecture, numbers, vocabulary)
    trainer = plan.trainer.options
    window = trainer.get("window")
    if isinstance(window, int) and window < shape.context:
        shape = replace(shape, context=window)
    passes = _whole(trainer.get("accumulate"))
    sequences = _windows_of_pass(trainer, passes, shape, options.get("tokens"))
    batch_tokens = sequences * passes * shape.context
    return _Asked(
        shape,
        sequences,
        batch_tokens,
        # Where the trainer keeps all, the plan may still propose less.
        checkpointing="full" if trainer.get("checkpointing") == "full" else None,
        averages=trainer.get("ema") is not None,
    )


def _windows_of_pass(trainer: Mapping[str, object], passes: int, shape: ModelShape, tokens: str | float | None) -> int:
    """The trainer's `batch_size`, and where it is left open what comes of the run's length."""
    if "batch_size" not in trainer or trainer["batch_size"] is not None:
        return _whole(trainer.get("batch_size"))
    windows = WINDOWS_OF_GIVEN_STEPS
    if trainer.get("steps") is None:
        length = chinchilla_tokens(shape.parameters) if tokens is None else number_of("tokens", tokens)
        windows = windows_of_step(length, shape.context)
    return max(1, windows // passes)


def _whole(value: object) -> int:
    """What a trainer says of its batch; 1 where it says nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 1


def _check_counts(options: PlanOptions) -> None:
    counts = {name: options.get(name) for name in ("sequences", "devices")}
    for name, value in counts.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ConfigError(f"plan: {name}: must be a whole number of at least 1, and is {value!r}")
