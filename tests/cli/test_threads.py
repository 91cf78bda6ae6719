"""The command line settles how many threads compute, once and before torch is loaded; the library never does."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

import zaoju
from support.small_vocabularies import save_small_model, word_tokenizer
from zaoju.cli.cores import usable_cores
from zaoju.cli.process import use_threads

ENGINE = Path(zaoju.__file__).parent
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_DYNAMIC")

GENERATE = """
import os, sys
processors, *arguments = sys.argv[1:]
if processors:
    os.sched_setaffinity(0, {int(number) for number in processors.split(",")})
from zaoju.cli import main
main(["generate", *arguments, "--prompt", "我", "--max-new-tokens", "1"], standalone_mode=False)
import torch
print("threads:", torch.get_num_threads())
"""

LIBRARY = """
import sys, torch
before = torch.get_num_threads()
import zaoju
zaoju.open_writer(sys.argv[1], overrides=["threads=3", "decoding.max_new_tokens=1"]).write(["我"])
assert torch.get_num_threads() == before
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_small_model(folder, word_tokenizer())
    return folder


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without what it says of threads itself."""
    return {**{name: value for name, value in os.environ.items() if name not in VARIABLES}, **variables}


def threads_of(model: Path, *arguments: str, processors: str = "", folder: Path | None = None, **variables: str) -> int:
    """How many threads torch has at the end of `zaoju generate ARGUMENTS`, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, processors, str(model), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment(**variables),
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.rpartition("threads: ")[2])


@pytest.mark.parametrize("number", ["1", "5"])
def test_the_number_of_the_command_is_the_number_of_threads(model: Path, number: str) -> None:
    """More than there are cores as well: whoever asks for that has a reason."""
    assert threads_of(model, "--threads", number, OMP_NUM_THREADS="2", MKL_NUM_THREADS="2") == int(number)


def test_the_configuration_has_the_number_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("threads: 3\n", "utf-8")
    assert threads_of(model, folder=tmp_path) == 3
    assert threads_of(model, "--set", "threads=4", folder=tmp_path) == 4
    assert threads_of(model, "--set", "threads=4", "--threads", "1", folder=tmp_path) == 1


def test_without_a_number_there_is_one_thread_for_each_core(model: Path) -> None:
    assert threads_of(model) == usable_cores()
    assert threads_of(model, "--threads", "0") == usable_cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to processors")
def test_only_the_processors_of_the_process_count(model: Path) -> None:
    first = min(os.sched_getaffinity(0))
    assert threads_of(model, processors=str(first)) == 1


def test_a_variable_of_the_users_stands_where_no_number_is_given(model: Path) -> None:
    assert threads_of(model, OMP_NUM_THREADS="1") == 1
    assert threads_of(model, "--threads", "0", OMP_NUM_THREADS="1") == 1


def test_the_library_leaves_the_number_to_its_program(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY, str(model)], capture_output=True, text=True, timeout=300, env=environment()
    )
    assert done.returncode == 0, done.stderr
    called = {path.relative_to(ENGINE).as_posix() for path in ENGINE.rglob("*.py") if sets_threads(path.read_text())}
    assert called == {"cli/process.py"}


def sets_threads(source: str) -> bool:
    names = [node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return bool({"set_num_threads", "set_num_interop_threads"} & set(names))


def test_settling_the_threads_does_not_import_torch() -> None:
    code = """
import sys
import click
from zaoju.cli.process import use_threads

@click.command()
def command():
    print(use_threads(None, ("seed=2",), 3), "torch" in sys.modules)

command()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == "('seed=2', 'threads=3') False\n"


def test_a_program_that_calls_a_command_gets_its_own_number_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    seen: list[object] = []

    @click.command()
    def command() -> None:
        use_threads(None, (), before + 3)
        seen.extend([torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]])

    CliRunner().invoke(command, catch_exceptions=False)
    assert seen == [before + 3, str(before + 3)]
    assert torch.get_num_threads() == before
    assert not {*VARIABLES} & {*os.environ}


@pytest.mark.parametrize("arguments", [["--threads", "-1"], ["--set", "threads=-1"], ["--set", "threads=two"]])
def test_a_number_that_cannot_be_is_refused(model: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zaoju", "generate", str(model), "--prompt", "我", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "threads" in done.stderr


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine with four hardware threads on two cores, of which the process may use all."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    for number, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        write(tmp_path / f"sys/devices/system/cpu/cpu{number}/topology/core_cpus_list", f"{siblings}\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_hardware_threads_of_one_core_count_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_cores(machine) == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2}, raising=False)
    assert usable_cores(machine) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert usable_cores(machine) == 2


def test_older_kernels_have_another_name_for_it(machine: Path) -> None:
    for number in range(4):
        folder = machine / f"sys/devices/system/cpu/cpu{number}/topology"
        (folder / "core_cpus_list").rename(folder / "thread_siblings_list")
    assert usable_cores(machine) == 2


def test_where_the_system_tells_no_cores_every_hardware_thread_counts(machine: Path, tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "elsewhere") == 4
    (machine / "sys/devices/system/cpu/cpu3/topology/core_cpus_list").unlink()
    assert usable_cores(machine) == 4


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 2), ("150000 100000", 1), ("250000 100000", 2), ("50000 100000", 1), ("900000 100000", 2)],
)
def test_a_quota_of_a_group_or_one_above_it_counts(machine: Path, limit: str, cores: int) -> None:
    write(machine / "proc/self/cgroup", "0::/slice/unit\n")
    write(machine / "sys/fs/cgroup/slice/unit/cpu.max", "max 100000\n")
    write(machine / "sys/fs/cgroup/slice/cpu.max", f"{limit}\n")
    assert usable_cores(machine) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 2), ("100000", 1), ("199999", 1), ("50000", 1), ("800000", 2)])
def test_the_first_version_of_control_groups_counts_too(machine: Path, quota: str, cores: int) -> None:
    """In a container that sees the path of its host and the files of its own group."""
    write(machine / "proc/self/cgroup", "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    write(machine / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", f"{quota}\n")
    write(machine / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert usable_cores(machine) == cores
