"""The whole path, and what a second run of it does."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import zaoju
from support.small_run import small_config
from zaoju.contracts import Notice, StageFinished, StageSkipped, StageStarted, TrainStep


class Listener:
    """Remembers every event."""

    def __init__(self) -> None:
        self.events: list[zaoju.Event] = []

    def __call__(self, event: zaoju.Event) -> None:
        self.events.append(event)

    @property
    def done(self) -> list[str]:
        return [event.stage for event in self.events if isinstance(event, StageFinished)]

    @property
    def skipped(self) -> list[str]:
        return [event.stage for event in self.events if isinstance(event, StageSkipped)]


ALL = ["prepare", "vocabulary", "encode", "train", "evaluate"]


def test_a_run_leaves_a_model_that_says_what_it_is(finished: zaoju.RunResult) -> None:
    description = json.loads((finished.model / "zaoju.json").read_text("utf-8"))
    assert description["format"] == 1
    assert description["scores"]["held_out"]["bits_per_character"] == finished.scores.held_out.bits_per_character
    assert {item["name"] for item in description["plugins"]} >= {"stories", "basic", "characters", "lean"}
    assert description["data"]["documents"] == 200
    assert finished.account.balanced
    assert {sample.strategy for sample in finished.scores.samples} == {"greedy", "top_k", "nucleus"}
    assert finished.scores.source is not None
    assert finished.scores.source.samples == 3
    assert finished.scores.source.foreign_texts == 0


def test_plain_transformers_loads_the_model_with_equal_logits(model: Path) -> None:
    engine = zaoju.Engine.load(model, device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(model)
    text = "我想去公园。<|endoftext|><0x41> A1"
    ids = engine.tokenizer.encode(text)
    assert tokenizer(text).input_ids == ids
    assert tokenizer.decode(ids) == text
    network = AutoModelForCausalLM.from_pretrained(model).eval()
    with torch.no_grad():
        theirs = network(torch.tensor([ids])).logits[0].log_softmax(-1)
    ours = engine.runner.score([ids])[0]
    expected = theirs[:-1].gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1)
    assert torch.allclose(ours, expected, atol=1e-4, rtol=0)


def test_a_second_run_does_nothing(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run")
    zaoju.run(config)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")}
    listener = Listener()
    zaoju.run(config, on_event=listener)
    assert listener.done == []
    assert listener.skipped == ALL
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*")} == before


def test_a_changed_segmenter_redoes_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    first = small_config(tmp_path / "run", tokenization__vocabulary={"name": "words", "size": 2500})
    second = small_config(
        tmp_path / "run", tokenization__vocabulary={"name": "words", "size": 2500}, tokenization__segmenter="jieba"
    )
    zaoju.run(first)
    listener = Listener()
    zaoju.run(second, on_event=listener)
    assert listener.skipped == ["prepare"]
    assert listener.done == ["vocabulary", "encode", "train", "evaluate"]

    back = Listener()
    result = zaoju.run(first, on_event=back)
    assert back.skipped == ALL
    description = json.loads((result.model / "zaoju.json").read_text("utf-8"))
    assert description["config"]["tokenization"]["segmenter"] == "characters", "the published model is the asked one"


def test_a_changed_decoding_only_writes_again(tmp_path: Path) -> None:
    zaoju.run(small_config(tmp_path / "run"))
    listener = Listener()
    zaoju.run(small_config(tmp_path / "run", decoding={"strategy": "top_k", "top_k": 5}), on_event=listener)
    assert listener.done == ["evaluate"]


def test_a_damaged_stage_is_made_again(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run")
    pipeline = zaoju.open_pipeline(config)
    documents = pipeline.prepare() / "train.jsonl"
    documents.write_text(documents.read_text("utf-8")[:100], "utf-8")
    listener = Listener()
    zaoju.prepare(config, on_event=listener)
    assert listener.done == ["prepare"]
    assert any(isinstance(event, Notice) and "damaged" in event.message for event in listener.events)


def test_cancelling_a_training_keeps_what_was_done(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run", trainer={"name": "lean", "steps": 40, "batch_size": 4})
    cancel = threading.Event()

    def stop_at_ten(event: zaoju.Event) -> None:
        if isinstance(event, TrainStep) and event.step == 10:
            cancel.set()

    with pytest.raises(zaoju.Cancelled):
        zaoju.train(config, on_event=stop_at_ten, cancel=cancel)
    assert [item.state for item in zaoju.status(config)][3] == "interrupted"

    listener = Listener()
    zaoju.train(config, on_event=listener)
    steps = [event.step for event in listener.events if isinstance(event, TrainStep)]
    assert steps[0] == 11, "the training goes on and does not begin again"
    assert steps[-1] == 40
    assert not list((tmp_path / "run" / "checkpoints").iterdir()), "a finished training needs no checkpoints"


def test_an_error_in_a_callback_stops_the_work_and_leaves_no_half_stage(tmp_path: Path) -> None:
    def fail(event: zaoju.Event) -> None:
        if isinstance(event, StageStarted):
            raise RuntimeError("the caller's own fault")

    with pytest.raises(RuntimeError, match="own fault"):
        zaoju.prepare(small_config(tmp_path / "run"), on_event=fail)
    assert not list((tmp_path / "run").rglob("*.jsonl"))


def test_a_run_that_would_train_nothing_says_so(tmp_path: Path) -> None:
    corpus = tmp_path / "short.txt"
    corpus.write_text("\n\n".join(f"第{number}篇很短。" for number in range(12)), "utf-8")
    config = small_config(
        tmp_path / "run",
        corpus={"readers": [{"name": "text", "paths": [str(corpus)]}], "held_out": 0.1},
        trainer={"name": "lean", "epochs": 0.01, "batch_size": 64},
    )
    with pytest.raises(zaoju.UserError, match="0 steps"):
        zaoju.run(config)
    assert not (tmp_path / "run" / "model").exists()


def test_short_documents_are_all_trained_on(tmp_path: Path) -> None:
    """The corpus on which a known peer announces steps and trains none: every document shorter than a window."""
    corpus = tmp_path / "poems.txt"
    corpus.write_text("\n\n".join(f"春眠不觉晓，处处闻啼鸟。第{number}首" for number in range(50)), "utf-8")
    config = small_config(
        tmp_path / "run",
        corpus={"readers": [{"name": "text", "paths": [str(corpus)]}], "held_out": 0.1},
        trainer={"name": "lean", "epochs": 2, "batch_size": 2},
    )
    listener = Listener()
    result = zaoju.run(config, on_event=listener)
    assert result.account.train.documents == 45
    trained = [event for event in listener.events if isinstance(event, TrainStep)]
    assert trained[-1].step == trained[-1].steps > 0


def test_a_moved_corpus_is_the_same_corpus(tmp_path: Path) -> None:
    text = "\n\n".join(f"第{number}篇。" for number in range(20))
    (tmp_path / "here" / "corpus").mkdir(parents=True)
    (tmp_path / "here" / "corpus" / "text.txt").write_text(text, "utf-8")

    def stages_done(place: str) -> list[str]:
        readers = [{"name": "text", "paths": [str(tmp_path / place / "corpus")]}]
        listener = Listener()
        zaoju.prepare(small_config(tmp_path / "run", corpus={"readers": readers, "held_out": 0.1}), on_event=listener)
        return listener.done

    assert stages_done("here") == ["prepare"]
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert stages_done("there") == []
    (tmp_path / "there" / "corpus" / "text.txt").write_text(text + "。", "utf-8")
    assert stages_done("there") == ["prepare"]


def test_an_edited_word_list_is_another_vocabulary(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("公园\n", "utf-8")

    def stages_done() -> list[str]:
        config = small_config(tmp_path / "run", tokenization__vocabulary={"name": "word_list", "path": str(words)})
        listener = Listener()
        zaoju.vocabulary(config, on_event=listener)
        return listener.done

    assert stages_done() == ["prepare", "vocabulary"]
    assert stages_done() == []
    words.write_text("公园\n游泳\n", "utf-8")
    assert stages_done() == ["vocabulary"]


def test_training_on_from_a_model_folder(model: Path, tmp_path: Path) -> None:
    config = small_config(tmp_path / "run", model={"init_from": str(model)})
    result = zaoju.run(config)
    ours = zaoju.Engine.load(model, device="cpu").tokenizer
    assert zaoju.Engine.load(result.model, device="cpu").tokenizer.fingerprint == ours.fingerprint
    assert result.scores.held_out.bits_per_character > 0
