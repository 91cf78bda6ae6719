"""Every benchmark of generation runs, and says so where a way computes something else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zaoju.models import GPT2
from zaoju.tokenization import Tokenizer

HOME = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _beside_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HOME))


def run(name: str, *arguments: str, code: int = 0) -> str:
    """What a benchmark prints."""
    command = [sys.executable, str(HOME / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def line(printed: str, beginning: str) -> str:
    [found] = [one for one in printed.splitlines() if one.startswith(beginning)]
    return found


@pytest.mark.slow
def test_decoding(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    given = ["--models", "nano-gpt2", "nano-llama", "--quick", "--json", str(report)]
    printed = run("decoding", *given, "--ways", "zaoju float32", "zaoju over transformers", "bare lean float32")
    assert printed.count("batch 8, greedy") == 2
    assert printed.count("SOMETHING ELSE") == 0
    sides = json.loads(report.read_text("utf-8"))["sides"]
    assert [(side["batch"], side["mode"]) for side in sides] == [
        (1, "greedy"),
        (1, "nucleus"),
        (8, "greedy"),
        (8, "nucleus"),
    ] * 2
    for side in sides:
        names = ["generate dynamic", "zaoju float32", "zaoju over transformers float32"]
        assert {name for name, one in side["measured"].items() if not one["failed"]} >= set(names)
        if side["mode"] == "greedy":
            assert side["measured"]["zaoju float32"]["agreement"]["gap"] < 0.01


@pytest.mark.slow
def test_decoding_names_what_is_not_installed(tmp_path: Path) -> None:
    given = ["--models", "nano-gpt2", "--quick", "--modes", "greedy", "--ways", "CTranslate2", "llama.cpp"]
    printed = run("decoding", *given)
    for peer, package in (("CTranslate2 float32", "ctranslate2"), ("llama.cpp f32", "./plugins/zaoju-llamacpp")):
        try:
            __import__("ctranslate2" if package == "ctranslate2" else "zaoju_llamacpp")
        except ImportError:
            [*found] = [one for one in printed.splitlines() if one.startswith(peer)]
            assert found and all(f"not installed: pip install {package}" in one for one in found)


@pytest.mark.slow
def test_mixed_requests() -> None:
    printed = run("decoding", "--models", "nano-gpt2", "--quick", "--mixed", "12", "--mixed-batch", "4")
    assert "12 requests of 6 strategies" in printed
    assert "failed" not in line(printed, "zaoju, mixed")


@pytest.mark.slow
def test_prefixes() -> None:
    given = ["--model", "nano-gpt2", "--prefix", "60", "--candidates", "5", "--answer", "4", "--rounds", "1"]
    printed = run("prefixes", *given)
    assert line(printed, "transformers, its cache copied by hand")
    assert line(printed, "prefix known")


@pytest.mark.slow
def test_stalls() -> None:
    given = ["--running", "2", "--prompt", "90", "--pieces", "32", "--rounds", "1", "--layers", "1", "--threads", "1"]
    printed = run("stalls", *given)
    assert line(printed, "32 ")
    assert line(printed, "all at once")


@pytest.mark.slow
def test_sampler() -> None:
    printed = run("sampler", "--model", "nano-gpt2", "--batches", "2", "--rounds", "1", "--tokens", "3")
    assert line(printed, "2, min-p and three penalties")


@pytest.mark.slow
def test_precision(tmp_path: Path, model: GPT2, tokenizer: Tokenizer) -> None:
    model.save(tmp_path / "model")
    tokenizer.save(tmp_path / "model")
    text = tmp_path / "text.txt"
    text.write_text("我想你。\n我们在家里。\n", "utf-8")
    printed = run("precision", str(tmp_path / "model"), str(text), "--batches", "1", "--rounds", "1")
    assert "+0.0000" in line(printed, "zaoju float32")
    assert line(printed, "zaoju int8")


@pytest.mark.slow
def test_cold_start(tmp_path: Path, model: GPT2, tokenizer: Tokenizer) -> None:
    model.save(tmp_path)
    tokenizer.save(tmp_path)
    assert "first text after" in run("cold_start", str(tmp_path), "--rounds", "1")


def test_a_way_that_computes_something_else_is_found() -> None:
    from decoding_agreement import MOST, agreement
    from decoding_models import Prompt
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    network = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=64, n_embd=32, n_layer=2, n_head=2)).eval()
    prompts = [Prompt("", tuple(range(number, number + 8))) for number in range(2)]
    texts = [_greedy(network, prompt.tokens, 10, end_of_text=49) for prompt in prompts]
    good = agreement(network, 49, prompts, texts, texts)
    assert good.same == 1.0
    assert good.gap == pytest.approx(0.0, abs=1e-5)
    one_wrong = [texts[0], [*texts[1][:4], (texts[1][4] + 1) % 49, *texts[1][5:]]]
    bad = agreement(network, 49, prompts, one_wrong, texts)
    assert bad.same == pytest.approx((1 + 0.4) / 2)
    assert bad.gap > MOST
    of_other_prompts = agreement(network, 49, prompts, texts[::-1], texts)
    assert of_other_prompts.gap > MOST


def _greedy(network: torch.nn.Module, prompt: tuple[int, ...], new: int, end_of_text: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(new):
        logits = network(torch.tensor([tokens])).logits[0, -1]
        logits[end_of_text] = float("-inf")
        tokens.append(int(logits.argmax()))
    return tokens[len(prompt) :]


@pytest.mark.slow
def test_answers(tmp_path: Path) -> None:
    from support.conversations import write_couplets

    couplets = write_couplets(tmp_path / "couplets.jsonl", 200)
    printed = run("answers", str(couplets), "--minutes", "0.05", "--asked", "8")
    assert line(printed, "by chance") == "by chance: 100.0% of the answers are as long as the line"
    assert line(printed, "answers alone, greedy") and line(printed, "every token, nucleus")


def test_figures_as_they_are_printed() -> None:
    from measuring import ratios, rendered, spread

    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00..3.00)"
    assert spread([1234.5], 1) == "1,234.5"
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    table = [["way", "tok/s"], ["engine", "10.0"], ["peer", "not installed: pip install peer"], ["short"]]
    assert rendered(table[:2], markdown=True) == "| way | tok/s |\n|---|---|\n| engine | 10.0 |"
    assert rendered([*table[:2], ["peer"]], markdown=False).splitlines() == ["way     tok/s", "engine   10.0", "peer"]
    assert rendered([*table[:2], ["peer"]], markdown=True).splitlines()[-1] == "| peer |  |"


def test_others_work_is_what_this_process_did_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import measuring

    def after_one_another(*values: float) -> Callable[[], float]:
        return iter(values).__next__

    monkeypatch.setattr(measuring, "_busy_seconds", after_one_another(10.0, 14.0))
    monkeypatch.setattr(measuring, "_own_seconds", after_one_another(1.0, 2.0))
    monkeypatch.setattr(measuring.time, "perf_counter", after_one_another(0.0, 2.0))
    monkeypatch.setattr(measuring.os, "cpu_count", lambda: 2)
    with measuring.OtherWork() as work:
        pass
    assert work.seconds == 2.0
    assert work.share == (4.0 - 1.0) / (2 * 2.0)


def test_the_model_in_a_folder_is_described_as_it_is(tmp_path: Path) -> None:
    from decoding_models import draw_prompts, make, shape

    gpt2, llama = shape(make("nano-gpt2", tmp_path)), shape(make("nano-llama", tmp_path))
    # GPT-2 reads every weight in a step but its positions; the head of this Llama is not its embedding.
    assert gpt2.weights - gpt2.weights_per_step == 1024 * 64
    assert llama.weights - llama.weights_per_step == 600 * 64
    assert gpt2.cache_numbers == 2 * 2 * 64
    assert llama.cache_numbers == 2 * 2 * 2 * 16
    prompts = draw_prompts(tmp_path / "nano-llama", [5, 40, 40], seed=1)
    assert [len(prompt.tokens) for prompt in prompts] == [5, 40, 40]
    assert prompts[1].tokens != prompts[2].tokens
