"""`zaoju compare`: runs side by side, what stands in the way of that, and good words for wrong folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

import zaoju
from support.small_run import small_config


@pytest.fixture(scope="module")
def runs(finished: zaoju.RunResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The finished run, one with other tokens of the same corpus, and one of another corpus."""
    folder = tmp_path_factory.mktemp("compared")
    words = small_config(folder / "words")
    words["tokenization"] = {"segmenter": "jieba", "vocabulary": {"name": "words", "size": 2000}, "workers": 1}
    zaoju.run(words)
    other = small_config(folder / "other", corpus__readers=[{"name": "stories", "documents": 120, "seed": 9}])
    zaoju.run(other)
    return {"finished": finished.model.parent, "words": folder / "words", "other": folder / "other"}


def test_runs_are_told_with_their_scores_the_best_first(runs: dict[str, Path], finished: zaoju.RunResult) -> None:
    found = zaoju.compare([runs["words"], runs["finished"]])
    assert found.warnings == ()
    bits = [run.bits_per_character for run in found.runs]
    assert bits == sorted(bits)
    by_name = {run.vocabulary: run for run in found.runs}
    assert set(by_name) == {"characters", "words 2,000"}
    ours, words = by_name["characters"], by_name["words 2,000"]
    held_out = finished.scores.held_out
    assert ours.bits_per_character == held_out.bits_per_character
    assert ours.characters_per_token == held_out.characters / held_out.tokens < words.characters_per_token
    assert (ours.trainer, ours.architecture, ours.segmenter) == ("lean", "gpt2 nano", "characters")
    weights = load_file(finished.model / "model.safetensors")
    assert ours.parameters == sum(tensor.numel() for tensor in weights.values())
    assert ours.training_seconds is not None and ours.training_seconds > 0
    assert ours.sample is not None and words.sample is not None
    assert (ours.sample.strategy, ours.sample.prompt) == (words.sample.strategy, words.sample.prompt)
    json.dumps(found.to_json())


def test_other_held_out_texts_are_warned_of(runs: dict[str, Path]) -> None:
    (warning,) = zaoju.compare([runs["finished"], runs["other"]]).warnings
    assert "the held-out texts differ" in warning and "zaoju evaluate" in warning


def test_what_cannot_be_compared_is_said(runs: dict[str, Path], tmp_path: Path) -> None:
    finished = runs["finished"]
    with pytest.raises(zaoju.UserError, match="named twice"):
        zaoju.compare([finished, finished / "model"])
    with pytest.raises(zaoju.UserError, match="there is no such folder"):
        zaoju.compare([finished, tmp_path / "nothing"])
    (tmp_path / "half" / "stages" / "prepare-0123").mkdir(parents=True)
    with pytest.raises(zaoju.UserError, match=r"the stages prepare are there.*`zaoju run`"):
        zaoju.compare([tmp_path / "half"])
    with pytest.raises(zaoju.UserError, match="but these in it are: words"):
        zaoju.compare([_beside(runs["words"], tmp_path)])
    with pytest.raises(zaoju.UserError, match="without scores"):
        zaoju.compare([next(finished.glob("stages/train-*/model"))])
    with pytest.raises(zaoju.UserError, match="nothing to compare"):
        zaoju.compare([])


def _beside(run: Path, folder: Path) -> Path:
    shutil.copytree(run / "model", folder / "runs" / run.name / "model")
    return folder / "runs"


def test_a_damaged_description_is_named(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["words"] / "model", tmp_path / "model")
    (tmp_path / "model" / "zaoju.json").write_text('{"scores": {}}', "utf-8")
    with pytest.raises(zaoju.ArtefactError, match=r"zaoju\.json is not as a run writes it"):
        zaoju.compare([tmp_path])


def test_the_page_has_every_run(runs: dict[str, Path], tmp_path: Path) -> None:
    found = zaoju.compare([*runs.values()])
    zaoju.write_comparison_page(tmp_path / "page.html", found)
    html = (tmp_path / "page.html").read_text("utf-8")
    for run in found.runs:
        assert run.name in html and f"{run.parameters:,}" in html and f"{run.bits_per_character:.4g}" in html
    assert "the held-out texts differ" in html
