from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from commands import Project, new_project
from dying_runs import Undisturbed, undisturbed_run
from trainer_cases import CASES, Case


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on more threads, above all on a busy machine; and a forked process has only one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", params=CASES)
def trainer_name(request: pytest.FixtureRequest) -> str:
    """Every builtin trainer."""
    return str(request.param)


@pytest.fixture(scope="session")
def undisturbed(trainer_name: str, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A short run of each trainer that nothing disturbs."""
    return undisturbed_run(trainer_name, tmp_path_factory.mktemp(trainer_name))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is ready to train. Tests must not change its folder."""
    return new_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def base(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model lies from which the runs of a module's `case` begin."""
    base = tmp_path_factory.mktemp("base")
    case.run(base / "data", first_in=base)
    return base
