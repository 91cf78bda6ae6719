"""A project folder with a finished run, and a way to call the command line in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import zaoju
from support.calling import Call, Called
from support.small_run import small_config
from zaoju.cli import main


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and its finished run. Tests must not change it."""
    folder = tmp_path_factory.mktemp("project")
    config = small_config(folder / "run")
    config["run"] = "run"
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    zaoju.run(folder / "config.yaml")
    return folder


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `zaoju ARGUMENTS` in a folder, in this process."""

    def run(folder: Path, *arguments: str, stdin: str | bytes | None = None) -> Called:
        monkeypatch.chdir(folder)
        result = CliRunner().invoke(main, list(arguments), input=stdin, prog_name="zaoju")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Called(result.exit_code, result.stdout, result.stderr)

    return run
