"""`zaoju generate` imports torch, the parts of zaoju that write, and nothing else that takes time."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

from support.small_vocabularies import save_small_model, word_tokenizer
from zaoju.cli.process import loading
from zaoju.models import Llama, LlamaConfig

NOT_NEEDED = {
    *("transformers", "accelerate", "jieba", "pkuseg", "llguidance", "hypothesis", "pytest", "rich.cells"),
    *("sympy", "torch._dynamo", "torch._inductor", "torch.onnx", "torch.distributed.tensor"),
    *("zaoju.corpus", "zaoju.training", "zaoju.evaluation", "zaoju.testing", "zaoju.tokenization.segmentation"),
    *("zaoju.cli.commands.train", "zaoju.cli.terminal", "multiprocessing.pool"),
}

PROBE = """
import json, sys
from zaoju.cli import main
try:
    main(["generate", *sys.argv[1:]])
except SystemExit as ended:
    assert not ended.code, ended.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_after(code: str, *arguments: str) -> tuple[str, set[str]]:
    """What a fresh process printed, and the modules that it then had."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.fixture(scope="module")
def of_torch() -> set[str]:
    """What `import torch` brings by itself, which differs between its versions."""
    return modules_after("import json, sys, torch; print(json.dumps(sorted(sys.modules)), file=sys.stderr)")[1]


def save_llama(folder: Path) -> None:
    tokenizer = word_tokenizer()
    numbers = {"vocab_size": tokenizer.vocabulary_size, "hidden_size": 16, "intermediate_size": 32}
    numbers |= {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        Llama(LlamaConfig.from_json({"model_type": "llama", **numbers})).save(folder)
    tokenizer.save(folder)


def save_gpt2(folder: Path) -> None:
    save_small_model(folder, word_tokenizer())


@pytest.mark.parametrize("save", [save_gpt2, save_llama])
@pytest.mark.parametrize("how", [[], ["--stream"]], ids=["whole", "stream"])
def test_writing_imports_only_what_it_needs(save: object, how: list[str], of_torch: set[str], tmp_path: Path) -> None:
    assert callable(save)
    save(tmp_path)
    arguments = [str(tmp_path), "--prompt", "我想", "--max-new-tokens", "5", "--seed", "1", *how]
    text, modules = modules_after(PROBE, *arguments)
    assert text.startswith("我想")
    assert len(text.strip()) > len("我想")
    assert (modules - of_torch) & NOT_NEEDED == set()


def test_the_probe_sees_what_another_runner_imports(tmp_path: Path, of_torch: set[str]) -> None:
    save_gpt2(tmp_path)
    arguments = [str(tmp_path), "--prompt", "我", "--max-new-tokens", "2", "--set", "runner=transformers"]
    assert "transformers" in (modules_after(PROBE, *arguments)[1] - of_torch) & NOT_NEEDED


def test_no_garbage_is_looked_for_while_a_model_is_loaded() -> None:
    seen: list[object] = []

    @click.command()
    def command() -> None:
        with loading():
            seen.append(gc.isenabled())
        seen.extend([gc.isenabled(), gc.get_freeze_count() > 0])

    @click.command()
    def failing() -> None:
        with loading():
            raise click.UsageError("no such model")

    for one in (command, failing):
        CliRunner().invoke(one)
        assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0), "the process goes on as it was before"
    assert seen == [False, True, True]
