"""One small finished run that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

import zaoju
from support.small_run import small_config


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> zaoju.RunResult:
    """The result of a whole run. Tests must not change its folder."""
    return zaoju.run(small_config(tmp_path_factory.mktemp("finished") / "run"))


@pytest.fixture(scope="session")
def model(finished: zaoju.RunResult) -> Path:
    """A model folder that zaoju made."""
    return finished.model
