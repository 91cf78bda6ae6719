"""Options of the builtin trainers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zaoju.contracts import Options
from zaoju.planning import WINDOWS_OF_GIVEN_STEPS

DEFAULT_MINUTES = 3.0

_OPTION_OF_ARGUMENT = {
    "full_determinism": "deterministic",
    "gradient_accumulation_steps": "accumulate",
    "learning_rate": "learning_rate",
    "lr_scheduler_kwargs": "schedule",
    "lr_scheduler_type": "schedule",
    "max_grad_norm": "clip",
    "max_steps": "steps",
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "warmup_ratio": "warmup",
    "warmup_steps": "warmup",
}
"""What TrainingArguments calls that which an option of every trainer says."""

_ARGUMENTS_OF_OPTION = {
    "betas": "arguments: {adam_beta1: ..., adam_beta2: ...}",
    "checkpointing": "arguments: {gradient_checkpointing: ...}",
    "compile": "arguments: {torch_compile: ...}",
    "optimiser": "arguments: {optim: ...}",
    "precision": "arguments: {bf16: ...}",
    "weight_decay": "arguments: {weight_decay: ...}",
}
"""What TrainingArguments has for an option of the trainer `lean` alone."""

_DECIDED_ARGUMENTS = frozenset(
    {
        "accelerator_config",
        "auto_find_batch_size",
        "data_seed",
        "deepspeed",
        "greater_is_better",
        "ignore_data_skip",
        "include_for_metrics",
        "label_names",
        "label_smoothing_factor",
        "load_best_model_at_end",
        "metric_for_best_model",
        "output_dir",
        "parallelism_config",
        "prediction_loss_only",
        "remove_unused_columns",
        "resume_from_checkpoint",
        "seed",
        "use_cpu",
    }
)
_DECIDED_PREFIXES = (
    "dataloader_",
    "do_",
    "eval_",
    "fsdp",
    "hub_",
    "per_device_",
    "push_to_hub",
    "save_",
    "train_sampling",
)
"""The data, the checkpoints, the held-out score and the devices are zaoju's; nothing is sent to a hub."""


class TrainerOptions(Options):
    """Options of every builtin trainer."""

    steps: int | None = Field(default=None, ge=1, description="Train this many optimiser steps")
    epochs: float | None = Field(default=None, gt=0, description="Train on the whole corpus this many times")
    minutes: float | None = Field(
        default=None,
        gt=0,
        description="Train for about this long: steps are timed at the start, then their number is fixed. "
        f"Without steps, epochs and minutes: {DEFAULT_MINUTES:g} minutes",
    )
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        default=None,
        description="Windows of text in one pass; without it, few in a short run and more in a long one, or "
        f"{WINDOWS_OF_GIVEN_STEPS} where steps are given. auto: as many as fit into memory and are no slower per "
        "token, with accumulate for the rest of windows_per_step",
    )
    accumulate: int = Field(default=1, ge=1, description="Passes whose gradients make one step, where memory is short")
    windows_per_step: int = Field(
        default=16, ge=1, description="With batch_size: auto, the windows of one step: batch_size times accumulate"
    )
    windows: Literal["packed", "documents"] | None = Field(
        default=None,
        description="packed: cut from the whole stream of text without gaps; documents: one document each, for short "
        "texts that a small model should learn quickly; without it, documents for conversations, packed for the rest",
    )
    window: int | None = Field(
        default=None, ge=1, description="Tokens per window; without it the model's context, at most 1024"
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="The highest one; without it, by the model's width, and lower for init_from",
    )
    schedule: Literal["cosine", "wsd"] = Field(default="cosine", description="How the learning rate falls")
    warmup: float = Field(default=0.05, ge=0, lt=1, description="The share of the steps in which it rises first")
    clip: float = Field(default=1.0, gt=0, description="The largest norm of the gradient")
    evaluate_every: int | Literal["auto"] = Field(
        default="auto",
        description="Steps between two looks at held-out text; auto: six looks in a run, fewer in a very short one",
    )
    checkpoint_every_seconds: float = Field(default=30.0, gt=0, description="Time between two checkpoints")
    on_bad_loss: Literal["stop", "roll_back"] = Field(
        default="stop",
        description="Where the loss or the gradient is no finite number, or the loss spikes: stop; or roll_back to the "
        "last checkpoint and go on without the data that did it",
    )
    spike: float | None = Field(
        default=None,
        gt=0,
        description="A loss so many deviations above the median of the last 64 is bad too, such as 10; without it, "
        "only what is no finite number",
    )
    skip_steps: int = Field(
        default=1, ge=1, description="After roll_back: for how many steps data is left out, from the bad one on"
    )
    most_roll_backs: int = Field(default=10, ge=1, description="How often to roll back before the run stops")
    save_in_background: bool = Field(
        default=False,
        description="Make a checkpoint durable while the training goes on; lean and lora also write it then, from a "
        "copy in memory",
    )
    deterministic: bool = Field(
        default=False,
        description="On a GPU, only algorithms that give the same bits every time, which is slower; CPUs do so anyway",
    )

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        given = [name for name in ("steps", "epochs", "minutes") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set; give one of steps, epochs and minutes")
        if isinstance(self.evaluate_every, int) and self.evaluate_every < 1:
            raise ValueError(f"evaluate_every must be at least 1 or auto, got {self.evaluate_every}")
        return self

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        auto = self.batch_size == "auto"
        if auto and "accumulate" in self.model_fields_set and self.accumulate != 1:
            raise ValueError("batch_size: auto chooses accumulate too; leave it out, and set windows_per_step")
        if not auto and "windows_per_step" in self.model_fields_set and self.windows_per_step != 16:
            raise ValueError("windows_per_step is for batch_size: auto; without it a step has batch_size * accumulate")
        return self


class LeanOptions(TrainerOptions):
    """Options of the trainer `lean`."""

    new_rows_first: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="After zaoju extend: the share of the steps that train nothing but the rows of the new tokens, "
        "before all weights are trained",
    )
    new_rows_learning_rate: float | None = Field(
        default=None, gt=0, le=1, description="The highest one in those steps; without it, that of a new model"
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="End early where so many looks at held-out text in a row were no better than the best; without it, "
        "all steps are done",
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The exponential moving average of the weights with this decay, such as 0.999, is what is scored, "
        "writes samples and is left; without it, the weights of the last step are",
    )
    optimiser: Literal["auto", "adamw", "muon"] = Field(
        default="auto",
        description="adamw; or muon for the matrices of the layers, with AdamW for the rest: more is learned per step. "
        "auto: muon for a new model, adamw for one that has been trained before, and with sharding",
    )
    sharding: Literal["none", "zero2", "zero3"] = Field(
        default="none",
        description="What several processes divide among themselves, by FSDP2. none: each has the whole model; zero2: "
        "the optimiser and the gradients; zero3: the weights too. lean alone",
    )
    checkpointing: Literal["none", "full"] = Field(
        default="none",
        description="full: each layer keeps only what goes into it, and is computed again for the backward pass: the "
        "same numbers in far less memory, for up to a third more time",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="In which numbers layers compute; weights and optimisers stay in float32. auto: bfloat16 where the "
        "device has instructions for it",
    )
    compile: bool | Literal["auto"] = Field(
        default="auto",
        description="Compute the loss by code that torch compiles in the first step, for up to a minute. auto: on a "
        "GPU, where the run is long enough to pay for it",
    )
    weight_decay: float = Field(default=0.1, ge=0, description="AdamW's, for matrices; not for norms and biases")
    betas: tuple[float, float] = Field(default=(0.9, 0.98), description="AdamW's two averages")

    @model_validator(mode="after")
    def _betas_are_averages(self) -> Self:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and below 1, got {list(self.betas)}")
        return self

    @model_validator(mode="after")
    def _can_be_divided(self) -> Self:
        if self.sharding != "none":
            if self.compile is True:
                raise ValueError(
                    f"sharding: {self.sharding} gathers the weights of each layer on the way, which compiled code does "
                    "not let it: set compile to auto or false, or sharding to none"
                )
            asked = f"sharding: {self.sharding} divides weights that AdamW updates"
            if self.optimiser == "muon":
                raise ValueError(f"{asked}, and muon needs whole matrices: set optimiser to adamw or auto")
            if self.ema is not None:
                raise ValueError(f"{asked}, without their averages: leave ema out, or set sharding to none")
        return self


class TransformersOptions(TrainerOptions):
    """Options of the trainer `transformers`."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        default=WINDOWS_OF_GIVEN_STEPS,
        description="Windows of text in one pass; auto: as many as fit into memory and are no slower per token, with "
        "accumulate for the rest of windows_per_step",
    )
    arguments: dict[str, bool | int | float | str | list[str] | dict[str, bool | int | float | str] | None] = Field(
        default_factory=dict,
        description="Further arguments of transformers.TrainingArguments, such as optim, weight_decay, report_to, "
        "gradient_checkpointing",
    )

    @model_validator(mode="before")
    @classmethod
    def _options_of_lean(cls, given: object) -> object:
        for name in given if isinstance(given, Mapping) else ():
            if name in LeanOptions.model_fields and name not in cls.model_fields:
                instead = _ARGUMENTS_OF_OPTION.get(name)
                raise ValueError(
                    f"{name} is an option of the trainers lean and lora: take one of them"
                    + (f", or set {instead}" if instead else "")
                )
        return given

    @model_validator(mode="after")
    def _size_is_given(self) -> Self:
        if self.batch_size is None:
            raise ValueError("batch_size must be a number of windows, or auto")
        return self

    @model_validator(mode="after")
    def _arguments_are_free(self) -> Self:
        for name in self.arguments:
            option = _OPTION_OF_ARGUMENT.get(name)
            if option is not None:
                raise ValueError(f"arguments.{name} is the option {option!r} of this trainer; set that")
            if name in _DECIDED_ARGUMENTS or name.startswith(_DECIDED_PREFIXES):
                raise ValueError(f"arguments.{name} is decided by zaoju and cannot be set; leave it out")
        return self


class LoraOptions(LeanOptions):
    """Options of the trainer `lora`."""

    rank: int = Field(default=16, ge=1, description="Columns of the two matrices beside every adapted one")
    alpha: int | None = Field(
        default=None, ge=1, description="The adapters count alpha / rank times; without it, twice the rank"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="The share of the adapters' inputs that is left out")
    targets: list[str] = Field(
        default_factory=list,
        description="The layers to adapt, such as q_proj and v_proj; without any, all linear ones but the head",
    )
    keep_adapter: bool = Field(
        default=False, description="Leave the adapters beside the merged model too, in its folder adapter"
    )

    @model_validator(mode="after")
    def _no_new_rows(self) -> Self:
        if self.new_rows_first or self.new_rows_learning_rate:
            raise ValueError("lora leaves the rows of all tokens as they are; train new ones with the trainer lean")
        return self

    @model_validator(mode="after")
    def _not_divided(self) -> Self:
        if self.sharding != "none":
            raise ValueError(
                f"sharding: {self.sharding} is for the trainer lean; the adapters of lora are small, and each process "
                "has the whole model: leave it out"
            )
        return self
