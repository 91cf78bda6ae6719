"""What this package offers to zaoju. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component, hookimpl

ZAOJU_CONTRACT = 1


@hookimpl
def zaoju_runners() -> list[Component]:
    return [
        Component(
            "llamacpp",
            "zaoju_llamacpp.runner:LlamaCppRunner",
            options="zaoju_llamacpp.options:LlamaCppOptions",
            summary="llama.cpp on a CPU or GPU: GGUF files of any precision, GPT-2, Llama and Qwen folders converted",
            requires=("llama_cpp", "gguf"),
            install='pip install "llama-cpp-python>=0.3.36,<0.4" gguf (compiles: needs a C++ compiler and cmake)',
        )
    ]
