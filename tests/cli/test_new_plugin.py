"""`zaoju new-plugin`: every package is built, installed, and passes its own tests at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner

import zaoju
from zaoju.cli import main

KINDS = [
    *("segmenter", "vocabulary", "reader", "cleaner"),
    *("transform", "selector", "search", "proposer", "constraint", "runner", "tracker"),
]


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zaoju.NewPlugin]:
    """A package of every kind."""
    folder = tmp_path_factory.mktemp("packages")
    return {kind: zaoju.new_plugin(kind, f"odd-{kind}", folder) for kind in KINDS}


@pytest.fixture(scope="module")
def installed(written: dict[str, zaoju.NewPlugin], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which pip has installed all of them, each from a wheel that hatchling built."""
    site = tmp_path_factory.mktemp("site")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    run("pip", "install", *offline, "--target", site, *(plugin.folder for plugin in written.values()))
    return site


def test_their_own_tests_pass(written: dict[str, zaoju.NewPlugin], installed: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    tests = [plugin.folder / "tests" for plugin in written.values()]
    quiet = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--junitxml", str(report)]
    run("pytest", *quiet, *tests, PYTHONPATH=str(installed))
    cases = [case.attrib["classname"] for case in ElementTree.parse(report).iter("testcase")]
    for kind in KINDS:
        assert sum(name.endswith(f".TestOdd{kind.capitalize()}") for name in cases) >= 6, f"no kit ran for {kind}"


def test_a_broken_one_would_be_seen(written: dict[str, zaoju.NewPlugin], installed: Path, tmp_path: Path) -> None:
    module = installed / "zaoju_odd_segmenter" / "segmenter.py"
    sound = module.read_text("utf-8")
    try:
        module.write_text(sound.replace("return [text[", "return [text.lower()["), "utf-8")
        quiet = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-k", "hostile"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *quiet, str(written["segmenter"].folder / "tests")],
            env=os.environ | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
        )
    finally:
        module.write_text(sound, "utf-8")
    assert done.returncode == 1
    assert "changes the text" in done.stdout


def test_zaoju_lists_them(written: dict[str, zaoju.NewPlugin], installed: Path) -> None:
    listing = run("zaoju", "plugins", PYTHONPATH=str(installed))
    for plugin in written.values():
        assert re.search(rf"\b{plugin.component}\b.*{plugin.folder.name}", listing), listing


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_readme_says_to_write_is_a_valid_config(
    kind: str, written: dict[str, zaoju.NewPlugin], installed: Path, tmp_path: Path
) -> None:
    readme = (written[kind].folder / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert written[kind].component in block
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(block)), "utf-8")
    (tmp_path / "my.txt").write_text("春眠不觉晓\n", "utf-8")
    run("zaoju", "config", "check", "--config", config, PYTHONPATH=str(installed))


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_complete(kind: str, written: dict[str, zaoju.NewPlugin]) -> None:
    plugin = written[kind]
    project = tomllib.loads((plugin.folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == plugin.folder.name == f"zaoju-odd-{kind}"
    assert project["entry-points"]["zaoju"] == {f"odd-{kind}": f"zaoju_odd_{kind}.plugin"}
    for path in plugin.folder.rglob("*"):
        assert path.is_dir() or "$" not in path.read_text("utf-8"), f"{path.name} has a place that was not filled in"


@pytest.mark.parametrize("alias", ["decoder", "strategy"])
def test_the_command(alias: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new-plugin", alias, "my-strategy", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "zaoju-my-strategy"
    assert json.loads(done.output) == {"folder": str(folder), "kind": "transform", "component": "my_strategy"}
    again = CliRunner().invoke(main, ["new-plugin", alias, "my-strategy", "--folder", str(tmp_path)])
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_the_prefix_is_not_written_twice(tmp_path: Path) -> None:
    assert zaoju.new_plugin("cleaner", "zaoju-tidy", tmp_path).folder == tmp_path / "zaoju-tidy"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("segmentor", "x", "did you mean 'segmenter'"),
        ("trainer", "x", "there is no template"),
        ("segmenter", "My Words", "lower-case letters"),
        ("segmenter", "../x", "lower-case letters"),
        ("segmenter", "2words", "a letter first"),
        ("segmenter", "", "lower-case letters"),
        ("cleaner", "class", "no word of Python's own"),
        ("segmenter", "jieba", "zaoju already offers a segmenter named 'jieba'"),
        ("decoder", "top-k", "already offers a transform named 'top_k'"),
        ("decoder", "seed", "cannot be named 'seed'"),
        ("search", "logprobs", "cannot be named 'logprobs'"),
        ("constraint", "regex", "already offers a constraint named 'regex'"),
        ("decoder", "copy", "cannot be named 'copy'"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(kind: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(zaoju.UserError, match=re.escape(message)):
        zaoju.new_plugin(kind, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_text

    def full(self: Path, text: str, **keywords: str) -> int:
        if self.name == "plugin.py":
            raise OSError("no space left on device")
        return real(self, text, **keywords)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        zaoju.new_plugin("segmenter", "words", tmp_path)
    assert list(tmp_path.iterdir()) == []
