"""The snippets of the pages about embedding and speed run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import zaoju
from zaoju.models import GPT2
from zaoju.tokenization import Tokenizer

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: GPT2, tokenizer: Tokenizer) -> Path:
    """A folder in which `runs/demo/model` is a small random model."""
    folder = tmp_path / "runs" / "demo" / "model"
    model.save(folder)
    tokenizer.save(folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(("page", "least"), [("embedding.md", 3), ("speed.md", 1)])
def test_python_runs(finished_run: Path, page: str, least: int) -> None:
    snippets = blocks(page, "python")
    assert len(snippets) >= least
    namespace: dict[str, object] = {"__name__": "snippet"}
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), namespace)


def test_the_config_snippets_are_configs(finished_run: Path) -> None:
    for source in blocks("speed.md", "yaml"):
        assert zaoju.check_config(yaml.safe_load(source)).plan.runner is not None
