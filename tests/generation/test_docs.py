"""The snippets of the pages about decoding and embedding run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from zaoju.config import resolve_decoding
from zaoju.models import GPT2
from zaoju.plugins import PluginManager
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


@pytest.mark.parametrize("page", ["embedding.md", "decoding.md"])
def test_python_runs(page: str, finished_run: Path) -> None:
    snippets = blocks(page, "python")
    assert len(snippets) >= 3
    namespace: dict[str, object] = {"__name__": "snippet"}
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), namespace)


def test_the_decoding_sections_are_valid(plugins: PluginManager) -> None:
    sections = [yaml.safe_load(block)["decoding"] for block in blocks("decoding.md", "yaml")]
    assert len(sections) == 2
    for section in sections:
        plan = resolve_decoding(plugins, section)
        assert all(plan.options[name] == value for name, value in section.items() if name in plan.options)


def test_the_table_of_strategies_is_true(plugins: PluginManager) -> None:
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \| `(\w+)` \|$", (DOCS / "decoding.md").read_text("utf-8"), re.M)
    assert [name for name, _, _ in rows] == ["greedy", "top_k", "nucleus"]
    for name, chain, selector in rows:
        plan = resolve_decoding(plugins, {"strategy": name})
        assert re.findall(r"\w+", chain) == [part.name for part in plan.chain]
        assert selector == plan.selector.name


def test_the_table_of_options_is_true(plugins: PluginManager) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", (DOCS / "decoding.md").read_text("utf-8"), re.M)
    chain = ["repetition_penalty", "temperature", "top_k", "top_p"]
    assert {name: float(value) for name, value in rows} == resolve_decoding(plugins, {"chain": chain}).options
