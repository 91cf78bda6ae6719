"""Any causal language model of transformers. The only module of the engine that imports transformers' models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self, cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
)

from zaoju.errors import ArtefactError, ConfigError, did_you_mean
from zaoju.models.cache_window import Window
from zaoju.models.causal_lm import CausalLM

_UNBOUNDED_CONTEXT = 1024
"""The context of an architecture that states no bound of its own, such as a state-space model."""


class TransformersLM(CausalLM):
    """Wraps a causal language model of transformers, in `network`; nothing is ever fetched from a hub."""

    packages: tuple[str, ...] = ("transformers",)

    def __init__(self, network: PreTrainedModel) -> None:
        super().__init__()
        self.network = network
        config = network.config.get_text_config()
        self.architecture = str(network.config.model_type)
        self.vocabulary_size = int(config.vocab_size)
        self.context_length = int(getattr(config, "max_position_embeddings", None) or _UNBOUNDED_CONTEXT)
        self.layers = int(getattr(config, "num_hidden_layers", 1))
        self.width = int(config.hidden_size)
        self.heads = int(getattr(config, "num_attention_heads", 1))
        # Architectures call them by different names, and some have none.
        self.residual_dropout = _first_of(config, "resid_pdrop", "hidden_dropout", "hidden_dropout_prob")
        self.attention_dropout = _first_of(config, "attn_pdrop", "attention_dropout", "attention_probs_dropout_prob")

    @classmethod
    def from_numbers(cls, architecture: str, numbers: Mapping[str, object]) -> Self:
        """A new model with weights drawn from torch's current random state.

        Raises `ConfigError` for an unknown architecture or number, for numbers that the architecture refuses, and for
        an architecture that has no key-value cache.
        """
        network = _build(_make_config(architecture, numbers))
        if not keeps_key_value_cache(network):
            raise ConfigError(
                f"model.architecture: {architecture} keeps no key-value cache, which zaoju's runners need to write "
                "text; choose an attention architecture such as gpt2 or llama"
            )
        return cls(network)

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """The model in a Hugging Face folder, in float32; code in the folder is never run.

        Raises `ArtefactError` with transformers' reason, and where the folder lacks weights of the model.
        """
        try:
            loaded: object = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            raise ArtefactError(f"transformers cannot load the model in {folder}: {error}") from error
        # transformers states no type for the pair that it gives with a report.
        network, report = cast("tuple[PreTrainedModel, Mapping[str, set[str]]]", loaded)
        missing = sorted(report["missing_keys"])
        if missing:
            raise ArtefactError(
                f"the weights in {folder} are not whole: {len(missing)} tensors of a {network.config.model_type} are "
                f"missing, the first is {missing[0]!r}; get the folder again from its source"
            )
        return cls(network)

    @staticmethod
    def count_parameters(architecture: str, numbers: Mapping[str, object]) -> int:
        """The number of weights of a model, found without taking memory for them. Raises `ConfigError`."""
        config = _make_config(architecture, numbers)
        try:
            with torch.device("meta"):
                network = _build(config)
        except Exception as error:  # numbers that pass a configuration can still make no network
            raise ConfigError(
                f"model: transformers cannot build a {architecture} with these numbers: {error}"
            ) from error
        return sum(parameter.numel() for parameter in network.parameters())

    @staticmethod
    def describe(architecture: str, numbers: Mapping[str, object]) -> dict[str, object]:
        """The whole config.json of an architecture with these numbers. Raises `ConfigError`."""
        described: dict[str, object] = _make_config(architecture, numbers).to_dict()
        return described

    def forward(self, ids: torch.Tensor, cache: Window | None = None) -> torch.Tensor:
        if cache is not None:
            raise NotImplementedError("transformers keeps a cache of its own: call `network` with past_key_values")
        logits: torch.Tensor = self.network(input_ids=ids, use_cache=False).logits
        return logits

    def recompute_layers(self) -> None:
        if not self.network.supports_gradient_checkpointing:
            raise ConfigError(
                f"trainer.checkpointing: full was asked for, and transformers cannot compute the layers of a "
                f"{self.architecture} again; set it to none, and batch_size lower where memory is short"
            )
        # transformers leaves this function without annotations.
        self.network.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
        self.recomputes = True

    def token_parameters(self) -> list[nn.Parameter]:
        embedding = self.network.get_input_embeddings()
        if not isinstance(embedding, nn.Embedding):
            raise ArtefactError(f"a {self.architecture} keeps its tokens in no plain embedding")
        # transformers leaves this function without annotations.
        head: nn.Module | None = self.network.get_output_embeddings()  # type: ignore[no-untyped-call]
        table = embedding.get_parameter("weight")
        own = [] if head is None else [head._parameters.get("weight"), head._parameters.get("bias")]
        return [table, *(one for one in own if one is not None and one is not table)]

    def save(self, folder: Path) -> None:
        self.network.save_pretrained(folder)


def keeps_key_value_cache(network: PreTrainedModel) -> bool:
    """Whether a model of transformers can go on from what it has read; state-space models, for one, cannot."""
    return "past_key_values" in inspect.signature(network.forward).parameters


def _first_of(config: PreTrainedConfig, *names: str) -> float:
    """The first of these numbers that a configuration has; 0 where it has none."""
    return float(next((getattr(config, name) for name in names if getattr(config, name, None) is not None), 0.0))


def _build(config: PreTrainedConfig) -> PreTrainedModel:
    # transformers leaves this function without annotations.
    network: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    return network


def _make_config(architecture: str, numbers: Mapping[str, object]) -> PreTrainedConfig:
    causal = {config.model_type for config in MODEL_FOR_CAUSAL_LM_MAPPING}
    if architecture not in causal:
        raise ConfigError(
            f"model.architecture: transformers has no causal language model {architecture!r}"
            f"{did_you_mean(architecture, causal)}; it has {', '.join(sorted(causal))}"
        )
    config_class = CONFIG_MAPPING[architecture]
    defaults = config_class().to_dict()
    known = {*defaults, *config_class.attribute_map, "max_position_embeddings"}
    for name in numbers:
        if name not in known:
            raise ConfigError(
                f"model.numbers: {architecture} has no number {name!r}{did_you_mean(name, known)}; "
                f"its configuration takes {', '.join(sorted(known))}"
            )
    # BERT and its kin look at later tokens too, unless they are told to be decoders.
    causal_from_the_start = {"is_decoder": True} if "is_decoder" in defaults else {}
    try:
        return AutoConfig.for_model(architecture, **{**causal_from_the_start, **numbers})
    except Exception as error:  # each architecture checks its numbers in its own way, with errors of its own
        raise ConfigError(f"model.numbers: {architecture} refuses {json.dumps(dict(numbers))}: {error}") from error
