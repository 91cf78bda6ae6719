"""Runners over small random models with the tokenizer of `zaoju.testing.engines`."""

from __future__ import annotations

import torch

from zaoju.contracts import Runner
from zaoju.generation import LeanRunner, runner_over
from zaoju.models import GPT2, GPT2Config, TransformersLM
from zaoju.testing import decoding_engine

CONTEXT = 48


def small_gpt2() -> GPT2:
    """Random, but far from uniform, so that the strategies differ."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        numbers = GPT2Config(
            vocab_size=decoding_engine().tokenizer.vocabulary_size + 3,
            n_positions=CONTEXT,
            n_embd=48,
            n_layer=2,
            n_head=4,
            initializer_range=0.25,
        )
        return GPT2(numbers).eval()


def gpt2_runner() -> Runner:
    return LeanRunner(small_gpt2())


def llama_runner() -> Runner:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        numbers = {
            "vocab_size": decoding_engine().tokenizer.vocabulary_size + 3,
            "max_position_embeddings": CONTEXT,
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "initializer_range": 0.25,
        }
        model: TransformersLM = TransformersLM.from_numbers("llama", numbers)
        return runner_over(model.eval())
