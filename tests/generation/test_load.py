"""Reading model folders: zaoju's own, those of others, and broken ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

from support.small_models import small_gpt2, small_llama
from zaoju import ArtefactError, UserError
from zaoju.generation import Engine, LeanRunner, SharedPrefixes, TransformersRunner
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer, unigram_tokenizer


@pytest.fixture
def folder(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    """What training leaves."""
    small_gpt2(tokenizer.vocabulary_size).save(tmp_path)
    tokenizer.save(tmp_path)
    return tmp_path


def test_a_folder_of_zaoju(folder: Path, engine: Engine) -> None:
    loaded = Engine.load(folder, device="cpu")
    assert isinstance(loaded.runner, SharedPrefixes) and isinstance(loaded.runner.inner, LeanRunner)
    asked = {"seed": 3, "max_new_tokens": 20}
    assert loaded.generate("我想", **asked) == engine.generate("我想", **asked)  # type: ignore[arg-type]  # values of several types


def test_the_same_text_through_transformers(folder: Path, engine: Engine) -> None:
    loaded = Engine.load(str(folder), device="cpu", runner="transformers")
    assert isinstance(loaded.runner, TransformersRunner)
    for seed in range(4):
        one, other = (each.generate("我想", seed=seed, max_new_tokens=20, top_p=0.8) for each in (loaded, engine))
        assert one == other


def test_a_folder_that_names_its_runner(folder: Path) -> None:
    (folder / "zaoju.json").write_text(json.dumps({"format": 1, "runner": "transformers"}), encoding="utf-8")
    assert isinstance(Engine.load(folder, device="cpu").runner, TransformersRunner)


def test_a_llama(tmp_path: Path, tokenizer: Tokenizer) -> None:
    small_llama(tokenizer.vocabulary_size).save(tmp_path)
    tokenizer.save(tmp_path)
    engine = Engine.load(tmp_path, device="cpu")
    assert isinstance(engine.runner, SharedPrefixes) and isinstance(engine.runner.inner, LeanRunner)
    through = Engine.load(tmp_path, device="cpu", runner="transformers")
    assert isinstance(through.runner, TransformersRunner)
    assert through.generate("我想", seed=5).text == engine.generate("我想", seed=5).text
    texts = [engine.generate("我想", seed=seed, max_new_tokens=12) for seed in range(3)]
    assert len({text.text for text in texts}) == 3


def test_a_folder_that_zaoju_did_not_make(tmp_path: Path) -> None:
    """transformers writes it, with a model padded beyond its tokenizer; the logits agree."""
    backend = unigram_tokenizer(dict.fromkeys("我想你他家", -3.0))
    theirs = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>", bos_token="<|end|>")  # type: ignore[no-untyped-call]
    theirs.save_pretrained(tmp_path)
    config = TheirConfig(
        vocab_size=320,
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        initializer_range=0.3,
        eos_token_id=len(theirs) - 1,
    )
    network = GPT2LMHeadModel(config).eval()  # type: ignore[no-untyped-call]  # transformers leaves some out
    network.save_pretrained(tmp_path)
    engine = Engine.load(tmp_path, device="cpu")
    got = engine.generate("我想你", strategy="greedy", max_new_tokens=15)
    assert isinstance(engine.runner, SharedPrefixes) and isinstance(engine.runner.inner, LeanRunner)
    assert got.generated_tokens > 0
    fed = [*engine.tokenizer.beginning, *engine.tokenizer.encode("我想你")]
    logits = engine.runner.prefill([fed])[1]
    expected = network(torch.tensor([fed])).logits[0, -1]
    torch.testing.assert_close(logits[0], expected, rtol=1e-4, atol=1e-4)


class TestWhatCannotBeLoaded:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ArtefactError, match="no model folder"):
            Engine.load(tmp_path / "nowhere")

    @pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
    def test_a_file_is_missing(self, folder: Path, missing: str) -> None:
        (folder / missing).unlink()
        with pytest.raises(ArtefactError, match=str(folder)):
            Engine.load(folder, device="cpu")

    def test_a_description_that_is_no_json(self, folder: Path) -> None:
        (folder / "zaoju.json").write_text("{", encoding="utf-8")
        with pytest.raises(ArtefactError, match=r"zaoju\.json cannot be read"):
            Engine.load(folder, device="cpu")

    def test_a_runner_that_is_not_installed(self, folder: Path, plugins: PluginManager) -> None:
        with pytest.raises(UserError, match="no runner is named 'leen'; did you mean 'lean'"):
            Engine.load(folder, device="cpu", runner="leen", plugins=plugins)


def test_a_gpt2_folder_needs_no_transformers(folder: Path) -> None:
    code = (
        "import sys; from zaoju import Engine; engine = Engine.load(sys.argv[1], device='cpu')\n"
        "assert engine.generate('我想', max_new_tokens=3, seed=1).generated_tokens\n"
        "assert 'transformers' not in sys.modules, 'transformers was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
