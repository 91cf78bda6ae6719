"""Language models: one small module per family for training and decoding, and any other one through transformers.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.models.cache import KeyValueCache
    from zaoju.models.cache_window import CacheWindow, Window
    from zaoju.models.causal_lm import CausalLM
    from zaoju.models.device import choose_device
    from zaoju.models.extending import extend_model
    from zaoju.models.extension import Extension
    from zaoju.models.factory import load_model, new_model
    from zaoju.models.gpt2 import GPT2
    from zaoju.models.gpt2_config import GPT2Config
    from zaoju.models.lean_lm import LeanLM
    from zaoju.models.linear import Precision, has_bfloat16, linear_maker, packs_later
    from zaoju.models.llama import Llama
    from zaoju.models.llama_config import LlamaConfig
    from zaoju.models.loss_chunks import chunk_logits
    from zaoju.models.memory import free_address_space, free_memory, is_out_of_memory
    from zaoju.models.new_rows import check_new_rows
    from zaoju.models.sizes import model_numbers, model_sizes
    from zaoju.models.transformers_lm import TransformersLM

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.models.cache": ("KeyValueCache",),
        "zaoju.models.cache_window": ("CacheWindow", "Window"),
        "zaoju.models.causal_lm": ("CausalLM",),
        "zaoju.models.device": ("choose_device",),
        "zaoju.models.extending": ("extend_model",),
        "zaoju.models.extension": ("Extension",),
        "zaoju.models.factory": ("load_model", "new_model"),
        "zaoju.models.gpt2": ("GPT2",),
        "zaoju.models.gpt2_config": ("GPT2Config",),
        "zaoju.models.lean_lm": ("LeanLM",),
        "zaoju.models.linear": ("Precision", "has_bfloat16", "linear_maker", "packs_later"),
        "zaoju.models.llama": ("Llama",),
        "zaoju.models.llama_config": ("LlamaConfig",),
        "zaoju.models.loss_chunks": ("chunk_logits",),
        "zaoju.models.memory": ("free_address_space", "free_memory", "is_out_of_memory"),
        "zaoju.models.new_rows": ("check_new_rows",),
        "zaoju.models.sizes": ("model_numbers", "model_sizes"),
        "zaoju.models.transformers_lm": ("TransformersLM",),
    },
)

__all__ = [
    "GPT2",
    "CacheWindow",
    "CausalLM",
    "Extension",
    "GPT2Config",
    "KeyValueCache",
    "LeanLM",
    "Llama",
    "LlamaConfig",
    "Precision",
    "TransformersLM",
    "Window",
    "check_new_rows",
    "choose_device",
    "chunk_logits",
    "extend_model",
    "free_address_space",
    "free_memory",
    "has_bfloat16",
    "is_out_of_memory",
    "linear_maker",
    "load_model",
    "model_numbers",
    "model_sizes",
    "new_model",
    "packs_later",
]
