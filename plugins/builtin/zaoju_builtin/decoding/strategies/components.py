"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.strategies"


def strategies() -> list[Component]:
    """The builtin strategies."""
    return [
        Component("greedy", f"{_HOME}.presets:Greedy", summary="Always the most probable token"),
        Component("sample", f"{_HOME}.presets:SampleStrategy", summary="Draws by the model's own probabilities"),
        Component("top_k", f"{_HOME}.presets:TopKStrategy", summary="Draws from the k most probable tokens"),
        Component("nucleus", f"{_HOME}.presets:Nucleus", summary="Draws from the smallest set that holds the share p"),
        Component("hf", f"{_HOME}.systems:HuggingFace", summary="The order of transformers, for numbers from there"),
        Component("vllm", f"{_HOME}.systems:VLLM", summary="The order of vLLM, for numbers from there"),
        Component("llamacpp", f"{_HOME}.systems:LlamaCpp", summary="The order of llama.cpp, for numbers from there"),
        Component("beam", f"{_HOME}.searches:Beam", summary="The most probable text that a beam of texts finds"),
        Component(
            "diverse_beam",
            f"{_HOME}.searches:DiverseBeam",
            summary="Beam search in groups that shun one another's tokens",
        ),
        Component(
            "contrastive", f"{_HOME}.searches:Contrastive", summary="Probable tokens that are unlike the text so far"
        ),
        Component("best_of_n", f"{_HOME}.searches:BestOfN", summary="Draws several texts and keeps the most probable"),
        Component("guidance", f"{_HOME}.searches:Guidance", summary="Follows the prompt strictly, away from another"),
    ]
