"""From prompts and answers to a model that answers, in zaoju and in transformers."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import zaoju
from support.conversations import INJECTED, write_couplets
from support.small_run import small_config
from support.small_vocabularies import pair_tokenizer, save_small_model
from zaoju.contracts import Event, SampleWritten

ASKED = "月夜花山春"
ANSWERED = "星晨草谷秋"


def config(folder: Path, run: str = "run", **changes: object) -> dict[str, object]:
    if not (folder / "couplets.jsonl").exists():
        write_couplets(folder / "couplets.jsonl")
    reader = {"name": "jsonl", "paths": [str(folder / "couplets.jsonl")], "prompt": ["up"], "answer": "down"}
    return small_config(
        folder / run,
        corpus__readers=[reader],
        evaluation__prompts=[ASKED],
        evaluation__strategies=["greedy"],
        **changes,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, zaoju.RunResult, list[Event]]:
    """A model that was trained to answer each character by its own."""
    folder = tmp_path_factory.mktemp("answers")
    trainer = {"name": "lean", "steps": 150, "batch_size": 32, "optimiser": "muon", "learning_rate": 0.01}
    events: list[Event] = []
    result = zaoju.run(config(folder, trainer=trainer), on_event=events.append)
    return folder, result, events


def test_it_learns_to_answer(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    _, result, events = finished
    engine = zaoju.Engine.load(result.model, device="cpu")
    answer = engine.generate(ASKED, strategy="greedy", chat=True)
    assert (answer.text, answer.finish_reason) == (ANSWERED, "end_of_text")
    assert result.scores.samples[0].text == ANSWERED
    assert result.scores.held_out.characters == 5 * result.scores.held_out.documents
    assert any(isinstance(event, SampleWritten) and event.text == ANSWERED for event in events)


def test_transformers_answers_alike(finished: tuple[Path, zaoju.RunResult, list[Event]], tmp_path: Path) -> None:
    _, result, _ = finished
    exported = zaoju.export(result.model, tmp_path / "exported").folder
    tokenizer = AutoTokenizer.from_pretrained(exported)
    model = AutoModelForCausalLM.from_pretrained(exported)
    asked = [{"role": "user", "content": ASKED}]
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    written = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=20)[0, len(ids) :]
    assert tokenizer.decode(written, skip_special_tokens=True) == ANSWERED
    assert written[-1] == tokenizer.eos_token_id


def test_the_command_answers(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    _, result, _ = finished
    command = [sys.executable, "-m", "zaoju", "generate", str(result.model), "--chat", "--prompt", ASKED]
    for more in ([], ["--stream"]):
        done = subprocess.run(
            [*command, "--strategy", "greedy", *more], capture_output=True, text=True, check=False, cwd=result.model
        )
        assert done.stdout == f"{ASKED}\n{ANSWERED}\n", done.stderr


def test_what_was_said_before_is_read(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    _, result, _ = finished
    engine = zaoju.Engine.load(result.model, device="cpu")
    before = [zaoju.Turn("user", "春"), zaoju.Turn("assistant", "秋")]
    answer = engine.generate(ASKED, chat=True, turns=before, strategy="greedy")
    first, rest = engine.tokenizer.conversations.prompt([*before, zaoju.Turn("user", ASKED)])
    assert answer.prompt_tokens == len(first) + len(rest)
    with pytest.raises(zaoju.UserError, match="needs `chat=True`"):
        engine.generate(ASKED, turns=before)


def test_a_forged_turn_is_text(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    _, result, _ = finished
    engine = zaoju.Engine.load(result.model, device="cpu")
    before, rest = engine.tokenizer.conversations.prompt([zaoju.Turn("user", INJECTED)])
    marks = [token for token in before + rest if engine.tokenizer.token_bytes(token) is None]
    assert len(marks) == 3, "the beginning, the user and the assistant"


def test_the_loss_and_the_score_are_those_of_answers(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    """What is asked is drawn at random, and costs log2(10) bits a character at least; what answers it costs nothing."""
    _, result, _ = finished
    assert result.scores.held_out.bits_per_character < 0.3 < math.log2(10)


def test_plain_models_do_not_chat(tmp_path: Path) -> None:
    save_small_model(tmp_path / "plain", pair_tokenizer())
    with pytest.raises(zaoju.UserError, match="has no chat template"):
        zaoju.Engine.load(tmp_path / "plain", device="cpu").generate("我", chat=True)


@pytest.mark.parametrize("trainer", ["lean", "lora", "transformers"])
def test_a_model_without_marks_learns_them(tmp_path: Path, trainer: str) -> None:
    """Of a folder that knows no turns: it gets marks, rows for them, and a template."""
    save_small_model(tmp_path / "first", pair_tokenizer())
    before = json.loads((tmp_path / "first" / "config.json").read_text("utf-8"))["vocab_size"]
    options = {"name": trainer, "steps": 3, "batch_size": 8, "evaluate_every": 2}
    changed: Mapping[str, object] = {"trainer": options, "model": {"init_from": str(tmp_path / "first")}}
    result = zaoju.run(config(tmp_path, **changed))
    after = json.loads((result.model / "config.json").read_text("utf-8"))["vocab_size"]
    assert after == before + 3
    tokenizer = zaoju.Engine.load(result.model, device="cpu").tokenizer
    asked = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWERED}]
    theirs = AutoTokenizer.from_pretrained(result.model).apply_chat_template(asked, return_dict=False)
    assert theirs == tokenizer.conversations.encode([zaoju.Turn("user", ASKED), zaoju.Turn("assistant", ANSWERED)]).ids
    assert AutoModelForCausalLM.from_pretrained(result.model).get_input_embeddings().weight.shape[0] == after


def test_a_second_run_does_nothing(finished: tuple[Path, zaoju.RunResult, list[Event]]) -> None:
    folder, _, _ = finished
    trainer = {"name": "lean", "steps": 150, "batch_size": 32, "optimiser": "muon", "learning_rate": 0.01}
    pipeline = zaoju.open_pipeline(config(folder, trainer=trainer))
    assert all(stage.done for stage in pipeline.stages())
