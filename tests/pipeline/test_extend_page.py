"""`docs/extend.md` is right: its snippets run, its commands exist, its tables name what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml

import zaoju
from support.small_vocabularies import pair_tokenizer, save_small_model
from zaoju.cli.commands.extend import extend
from zaoju.models import check_new_rows

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extend.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the page has it."""
    save_small_model(tmp_path / "models" / "gpt2", pair_tokenizer())
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("我想去北京看花。\n\n" * 3, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"__name__": "snippet"}
    for snippet in blocks("python"):
        exec(compile(snippet, "extend.md", "exec"), namespace)
    assert capsys.readouterr().out.splitlines()[-1] == "GPT2 the tokenizer parts it first, into GPT/2"
    assert (project / "models" / "gpt2-zh" / "extension.json").is_file()
    first_part = namespace["FirstPart"]
    assert isinstance(first_part, type) and issubclass(first_part, zaoju.Initialiser)
    matrix = torch.randn(20, 8, generator=torch.Generator().manual_seed(1))
    tokens = zaoju.NewTokens(((1, 2), (1, 3)), (), 1)
    check_new_rows(matrix, first_part(zaoju.Options()).rows(matrix, tokens), 2, str, "the page's")


def test_the_configuration_is_right(project: Path) -> None:
    (project / "models" / "gpt2-zh").mkdir()
    (project / "models" / "gpt2-zh" / "config.json").write_text("{}", "utf-8")
    (config,) = map(yaml.safe_load, blocks("yaml"))
    assert zaoju.check_config(config).plan.trainer.options["new_rows_first"] == 0.2


def test_commands_take_these_options() -> None:
    known = {option for parameter in extend.params for option in parameter.opts}
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("zaoju extend")]
    assert lines
    for line in lines:
        assert {word for word in shlex.split(line, comments=True) if word.startswith("--")} <= known


def test_every_initialiser_is_described() -> None:
    offers = zaoju.PluginManager.discover().offers("initialiser")
    assert {offer.component.name for offer in offers if offer.package == "zaoju"} == set(
        re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)
    ) - {"words"}
