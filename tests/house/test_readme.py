"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import zaoju
from support.small_run import small_config

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language; the empty string is for those that name none."""
    text = (ROOT / page).read_text("utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [source for named, source in fenced if named == language]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `runs/demo/model` is a finished model, as after the README's first command."""
    folder = tmp_path_factory.mktemp("readme")
    zaoju.run(small_config(folder / "runs" / "demo"))
    return folder


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_python_snippets_run(page: str, project: Path) -> None:
    for source in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", source], cwd=project, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_config_snippets_are_configs(page: str) -> None:
    for source in blocks(page, "yaml"):
        assert zaoju.check_config(yaml.safe_load(source)).plan.config.decoding.strategy == "nucleus"


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_project_commands_do_what_they_say(page: str, tmp_path: Path) -> None:
    """`init` is run as it stands; the training of the project it writes is made short."""
    (commands,) = [block for block in blocks(page, "sh") if "zaoju init" in block]
    init, change, run, generate = commands.strip().splitlines()
    assert (change, run) == ("cd mine", "zaoju run")
    (tmp_path / "poems.jsonl").write_text(
        "".join(f'{{"title": "第{number}首", "text": "春眠不觉晓，处处闻啼鸟。"}}\n' for number in range(40)), "utf-8"
    )
    (tmp_path / "essays").mkdir()
    (tmp_path / "essays" / "one.txt").write_text("\n\n".join(f"第{n}段，我想去公园。" for n in range(40)), "utf-8")

    def call(command: str, folder: Path) -> str:
        arguments = command.split()[1:]
        done = subprocess.run(
            [sys.executable, "-m", "zaoju", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    call(init, tmp_path)
    short = ["model.size=nano", "trainer={name: lean, steps: 2}", "tokenization.vocabulary=characters"]
    zaoju.run(tmp_path / "mine" / "config.yaml", overrides=short)
    assert len(call(generate, tmp_path / "mine").splitlines()) >= 3


def test_the_default_config_is_the_demo_and_is_whole(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    plan = zaoju.check_config(tmp_path / "config.yaml").plan
    assert [reader.name for reader in plan.readers] == ["stories"]
    assert plan.config.run == tmp_path / "runs" / "demo"
    assert not plan.config.tokenization.live, "the committed default is portable"


def test_every_page_of_the_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert {page for page in pages if f"docs/{page}" not in readme} == set()
    linked = set(re.findall(r"\]\((?!http)([^)#]+)", readme))
    assert {link for link in linked if not (ROOT / link).exists()} == set()


def test_the_mistake_that_is_shown_is_answered_so(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks("README.md", "") if "$ zaoju run --set" in block]
    command, answer = shown.strip().splitlines()
    shutil.copy(ROOT / "config.yaml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "zaoju", *command.split()[2:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(answer.removesuffix("..."))
