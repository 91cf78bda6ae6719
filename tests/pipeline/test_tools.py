"""Export, housekeeping, projects, and single stages on files."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import zaoju
from support.small_run import small_config
from zaoju.contracts import Notice


def test_an_export_is_a_plain_folder_that_agrees(model: Path, tmp_path: Path) -> None:
    exported = zaoju.export(model, tmp_path / "out")
    assert exported.largest_difference <= 1e-4
    assert not (exported.folder / "zaoju.json").exists()
    AutoModelForCausalLM.from_pretrained(exported.folder)
    AutoTokenizer.from_pretrained(exported.folder)


def test_an_export_never_overwrites(model: Path, tmp_path: Path) -> None:
    with pytest.raises(zaoju.UserError, match="exists already"):
        zaoju.export(model, tmp_path)


def test_evaluating_files_agrees_with_the_run(finished: zaoju.RunResult, tmp_path: Path) -> None:
    held_out = next((finished.model.parent / "stages").glob("prepare-*")) / "held_out.jsonl"
    score = zaoju.evaluate_files(finished.model, [held_out], config={"device": "cpu"})
    assert score.bits_per_character == pytest.approx(finished.scores.held_out.bits_per_character, abs=1e-6)
    assert score.documents == finished.scores.held_out.documents


def test_a_worse_model_scores_worse(model: Path, tmp_path: Path) -> None:
    """The negative control of the measure: damaged weights must cost bits."""
    worse = tmp_path / "worse"
    shutil.copytree(model, worse)
    weights = load_file(worse / "model.safetensors")
    name = "transformer.ln_f.weight"
    weights[name] = -weights[name]
    save_file(weights, worse / "model.safetensors", metadata={"format": "pt"})
    text = tmp_path / "text.txt"
    text.write_text("小明想学游泳。\n\n我想去公园看花。", "utf-8")
    good, bad = (
        zaoju.evaluate_files(folder, [text], config={"device": "cpu"}).bits_per_character for folder in (model, worse)
    )
    assert bad > good + 0.5


def test_scoring_tells_what_its_readers_notice(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes("我想回到那个有你的地方。".encode("gb18030"))
    events: list[zaoju.Event] = []
    zaoju.evaluate_files(model, [text], config={"device": "cpu"}, on_event=events.append)
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert len(notices) == 1 and f"{text}: read as gb18030" in notices[0]


def test_scoring_refuses_a_file_that_it_cannot_read_whole(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes("小明想学游泳。".encode("gb18030") + bytes(range(256)) * 4)
    with pytest.raises(zaoju.CorpusError, match=r"text\.txt"):
        zaoju.evaluate_files(model, [text], config={"device": "cpu"})


def test_clean_removes_what_is_not_used_and_nothing_else(tmp_path: Path) -> None:
    first, second = small_config(tmp_path / "run"), small_config(tmp_path / "run", seed=4)
    zaoju.prepare(first)
    kept = zaoju.open_pipeline(second).prepare()
    listed = zaoju.clean(second, remove=False)
    assert [item.folder.name.split("-")[0] for item in listed] == ["prepare"]
    assert listed[0].folder.exists()
    assert zaoju.clean(second) == listed
    assert not listed[0].folder.exists()
    assert kept.exists()
    assert zaoju.clean(second) == []


def test_a_project_fits_its_corpus_and_runs(tmp_path: Path) -> None:
    poems = tmp_path / "poems.jsonl"
    lines = [{"title": f"题{number}", "lines": ["春眠不觉晓", "处处闻啼鸟"], "author": "某"} for number in range(40)]
    poems.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    project = zaoju.init_project(tmp_path / "mine", [poems])
    assert project.documents == 40
    checked = zaoju.check_config(project.config)
    assert checked.plan.readers[0].name == "jsonl"
    assert checked.plan.readers[0].options["fields"] == ["title", "lines"]
    assert zaoju.prepare(project.config).read.documents == 40
    with pytest.raises(zaoju.UserError, match="exists already"):
        zaoju.init_project(tmp_path / "mine", [poems])


def test_a_project_counts_what_only_readers_can_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "books.zip", "w") as archive:
        archive.writestr("a.md", "# 春晓\n\n春眠不觉晓，处处闻啼鸟。")
        archive.writestr("b.csv", "id,text\n1,夜来风雨声，花落知多少。\n2,床前明月光，疑是地上霜。\n")
        archive.writestr("c.html", "<article><h1>静夜思</h1><p>床前看月光，疑是地上霜。</p></article>")
    project = zaoju.init_project(tmp_path / "mine", [tmp_path / "books.zip"])
    assert project.documents == 4 and 50 < project.characters < 70
    readers = zaoju.check_config(project.config).plan.readers
    assert [reader.name for reader in readers] == ["markdown", "csv", "html"]
    assert "encoding:" not in project.config.read_text("utf-8")
    assert zaoju.prepare(project.config).read.documents == 4


def test_a_project_without_files_has_the_stories(tmp_path: Path) -> None:
    project = zaoju.init_project(tmp_path / "mine")
    assert zaoju.check_config(project.config).plan.readers[0].name == "stories"


def test_segmenting_gives_the_text_back() -> None:
    text = "小明 想学　游泳。"
    for name in ("none", "characters", "whitespace", "jieba"):
        assert "".join(zaoju.segment(text, segmenter=name, config={})) == text
    assert zaoju.segment("小明想学游泳", segmenter="jieba", config={}) == ["小明", "想学", "游泳"]
