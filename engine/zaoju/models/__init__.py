"""Language models: one small module per family for training and decoding, and any other one through transformers.

Importing this package loads nothing heavy: each name below is imported when it is first used, so that the command line
can look up sizes without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaoju.models.cache import CacheWindow, KeyValueCache
    from zaoju.models.causal_lm import CausalLM
    from zaoju.models.device import choose_device
    from zaoju.models.factory import load_model, new_model
    from zaoju.models.gpt2 import GPT2
    from zaoju.models.gpt2_config import GPT2Config
    from zaoju.models.sizes import model_numbers, model_sizes
    from zaoju.models.transformers_lm import TransformersLM

_HOME_OF = {
    "CacheWindow": "cache",
    "CausalLM": "causal_lm",
    "GPT2": "gpt2",
    "GPT2Config": "gpt2_config",
    "KeyValueCache": "cache",
    "TransformersLM": "transformers_lm",
    "choose_device": "device",
    "load_model": "factory",
    "model_numbers": "sizes",
    "model_sizes": "sizes",
    "new_model": "factory",
}

__all__ = [
    "GPT2",
    "CacheWindow",
    "CausalLM",
    "GPT2Config",
    "KeyValueCache",
    "TransformersLM",
    "choose_device",
    "load_model",
    "model_numbers",
    "model_sizes",
    "new_model",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'zaoju.models' has no attribute {name!r}")
    return getattr(import_module(f"zaoju.models.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
