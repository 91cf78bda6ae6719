"""Every kit passes a sound component and catches planted faults, each by the check that is about it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from planted_faults import FAULTS, SOUND, Fault

from zaoju.testing import (
    ConstraintContract,
    ProposerContract,
    RunnerContract,
    SearchContract,
    SelectorContract,
    StrategyContract,
    TransformContract,
)

HERE = Path(__file__).parent

Failures = Mapping[str, Mapping[str, str]]
"""Of each class the checks that failed, with all that they said."""


def faulty_classes() -> dict[str, Path]:
    """Every test class that is not collected by itself, and its file."""
    files = sorted(HERE.glob("faulty_*.py"))
    return {name: file for file in files for name in re.findall(r"^class (Test\w+)", file.read_text("utf-8"), re.M)}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Failures:
    """What pytest says when an author runs it: all checks on the sound ones, of the faulty ones the named check."""
    report = tmp_path_factory.mktemp("kits") / "report.xml"
    file_of = faulty_classes()
    chosen = [f"{file_of[name]}::{name}" for name in SOUND]
    chosen += [f"{file_of[fault.name]}::{fault.name}::{fault.check}" for fault in FAULTS]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--junitxml", str(report)]
    done = subprocess.run([*command, *chosen], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.attrib["name"].partition("[")[0]
        of_class = found[case.attrib["classname"].rpartition(".")[2]]
        said = "".join(f"{item.get('message')} {item.text}" for item in case if item.tag in ("failure", "error"))
        if said:
            of_class[name] = of_class.get(name, "") + said
    return found


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_component_passes(name: str, failures: Failures) -> None:
    assert failures[name] == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name}-{fault.check}")
def test_a_fault_is_caught_by_its_check(fault: Fault, failures: Failures) -> None:
    assert fault.says in failures[fault.name].get(fault.check, "")


def test_every_one_was_run(failures: Failures) -> None:
    assert set(failures) == {*SOUND, *(fault.name for fault in FAULTS)} == set(faulty_classes())


def test_every_check_of_decoders_catches_a_fault() -> None:
    """A check that no fault makes fail may not be able to."""
    kits = [TransformContract, SelectorContract, SearchContract, ProposerContract, ConstraintContract, StrategyContract]
    kits.append(RunnerContract)
    checks = {name for kit in kits for name in dir(kit) if name.startswith("test_")}
    assert checks - {fault.check for fault in FAULTS} <= {"test_it_can_be_named_in_a_config"}
