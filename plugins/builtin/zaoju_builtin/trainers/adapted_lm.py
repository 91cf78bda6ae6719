"""A model with low-rank adapters, by PEFT (Hu et al., 2021, "LoRA: Low-Rank Adaptation of Large Language Models")."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from zaoju.errors import ConfigError
from zaoju.models import TransformersLM
from zaoju_builtin.trainers.options import LoraOptions

_TENSORS = "adapter_model.safetensors"


class AdaptedLM(TransformersLM):
    """A model of transformers that stands still, with adapters that learn. `save` writes the adapters alone."""

    packages = ("transformers", "peft")

    def __init__(self, adapted: PeftModel) -> None:
        super().__init__(cast("PreTrainedModel", adapted.get_base_model()))
        self.dropped_inputs = sum(
            module.in_features or 0
            for module in adapted.modules()
            if isinstance(module, LoraLayer)
            for dropout in module.lora_dropout.values()
            if isinstance(dropout, torch.nn.Dropout) and dropout.p > 0
        )
        # In a tuple, since torch would count the weights of a module twice.
        self._adapted = (adapted,)

    @classmethod
    def around(cls, model: TransformersLM, base: Path, options: LoraOptions) -> AdaptedLM:
        """New adapters in `model`, which lies in the folder `base`. They change nothing yet.

        They are drawn from torch's random state.

        Raises `ConfigError` where the model has no such layers.
        """
        network = model.network
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=options.rank,
            lora_alpha=options.alpha or 2 * options.rank,
            lora_dropout=options.dropout,
            target_modules=list(options.targets) or "all-linear",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in network.modules()),
        )
        try:
            adapted = cast("PeftModel", get_peft_model(network, config))
        except ValueError as error:
            there_are = {
                name.rpartition(".")[2]
                for name, module in network.named_modules()
                if isinstance(module, (torch.nn.Linear, Conv1D))
            }
            raise ConfigError(
                f"trainer.targets: {', '.join(options.targets)} cannot be adapted in a {model.architecture}, which has "
                f"the linear layers {', '.join(sorted(there_are))}: {error}"
            ) from error
        adapted.peft_config["default"].base_model_name_or_path = str(base)
        return cls(adapted)

    def save(self, folder: Path) -> None:
        _write(folder, self.config, self.adapters())

    @property
    def config(self) -> PeftConfig:
        """What PEFT says of the adapters."""
        return self._adapted[0].peft_config["default"]

    def adapters(self) -> dict[str, torch.Tensor]:
        """The tensors of the adapters, by PEFT's names."""
        found = get_peft_model_state_dict(self._adapted[0], save_embedding_layers=False)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}

    def load(self, folder: Path) -> None:
        """Take the adapters that `save` has written."""
        set_peft_model_state_dict(self._adapted[0], load_file(folder / _TENSORS))

    def merge(self) -> PreTrainedModel:
        """The model with the adapters in its weights; the adapters are gone from this one."""
        return cast("PreTrainedModel", self._adapted[0].merge_and_unload())


class MergedLM(TransformersLM):
    """A plain model that the adapters of `adapted` are merged into; that one is of no use afterwards."""

    def __init__(self, adapted: AdaptedLM, *, keep_adapter: bool) -> None:
        kept = (adapted.config, adapted.adapters()) if keep_adapter else None
        super().__init__(adapted.merge())
        self._kept = kept

    def save(self, folder: Path) -> None:
        super().save(folder)
        if self._kept is not None:
            _write(folder / "adapter", *self._kept)


def _write(folder: Path, config: PeftConfig, tensors: dict[str, torch.Tensor]) -> None:
    """Adapters as PEFT expects them."""
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(str(folder))
    save_file(tensors, folder / _TENSORS, metadata={"format": "pt"})
