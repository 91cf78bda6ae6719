"""`docs/training.md` is right: its configs are configs, its commands run, its tables say what the code does.

Its Python is run by `tests/testing/test_builtin_trackers.py`.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

import zaoju
from support.calling import Call
from zaoju.models import GPT2, GPT2Config, model_numbers
from zaoju.planning import ModelShape

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_configs_are_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    GPT2(GPT2Config(300, 16, 8, 1, 1)).save(tmp_path / "models" / "gpt2")
    snippets = blocks("yaml")
    assert len(snippets) >= 6
    trainers = set()
    for snippet in snippets:
        plan = zaoju.check_config(yaml.safe_load(snippet)).plan
        trainers.add(plan.trainer.name)
    assert trainers == {"lean", "transformers", "lora"}


def test_the_commands_run(project: Path, tmp_path: Path, call: Call) -> None:
    """Those of zaoju; what they train is unchanged, so they take no long time."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    for name in ("words", "characters", "ngram"):
        shutil.copytree(tmp_path / "run", tmp_path / "runs" / name)
    lines = [shlex.split(line, comments=True) for block in blocks("bash") for line in block.splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["zaoju"]]
    assert len(commands) >= 2
    for arguments in commands:
        called = call(tmp_path, *arguments)
        assert called.exit_code == 0, (arguments, called.stderr)
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "compared.html").is_file()


def test_the_table_of_sizes_is_that_of_the_models() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ([\d.,]+) \| ([\d.,]+) \|$", PAGE, re.M)
    assert len(rows) == 9
    for size, layers, width, heads, context, *millions in rows:
        numbers = model_numbers("gpt2", size, {})
        said = {"n_layer": int(layers), "n_embd": int(width), "n_head": int(heads), "n_positions": int(context)}
        assert said == {name: numbers[name] for name in said}
        for vocabulary, written in zip((8000, 50257), millions, strict=True):
            counted = ModelShape.of("gpt2", numbers, vocabulary).parameters / 1e6
            assert float(written.replace(",", "")) == pytest.approx(counted, rel=0.01, abs=0.05), (size, vocabulary)


def test_every_option_in_the_table_of_lean_is_one() -> None:
    plan = zaoju.check_config({"trainer": {"name": "lean", "steps": 1}}).plan
    table = PAGE[PAGE.index("## Options of `lean`") :].split("\n\n")[2]
    named = re.findall(r"^\| `(\w+)`", table, re.M)
    assert len(named) >= 10
    assert set(named) <= set(plan.trainer.options)


def test_the_table_of_transformers_names_what_is_refused() -> None:
    table = PAGE[PAGE.index("What is done in another way here, or not at all:") :].split("\n\n")[1]
    refused = [row for row in table.splitlines() if row.rpartition("| ")[2].startswith("refused")]
    lean, transformers = (
        set(zaoju.check_config({"trainer": {"name": name, "steps": 1}}).plan.trainer.options)
        for name in ("lean", "transformers")
    )
    named = {name for row in refused for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == lean - transformers
