"""Small random models."""

from __future__ import annotations

import torch

from zaoju.models import GPT2, GPT2Config, TransformersLM


def small_gpt2(vocabulary_size: int, context_length: int = 64) -> GPT2:
    """Random, but far from uniform, so that the strategies differ."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        numbers = GPT2Config(
            vocab_size=vocabulary_size,
            n_positions=context_length,
            n_embd=48,
            n_layer=2,
            n_head=4,
            initializer_range=0.25,
        )
        return GPT2(numbers).eval()


def small_llama(vocabulary_size: int, context_length: int = 64) -> TransformersLM:
    """A Llama shape, through transformers."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        numbers = {
            "vocab_size": vocabulary_size,
            "max_position_embeddings": context_length,
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "initializer_range": 0.25,
        }
        model: TransformersLM = TransformersLM.from_numbers("llama", numbers)
        return model.eval()
