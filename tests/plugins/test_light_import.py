"""Listing plugins must be quick: no heavy import until a component is used."""

from __future__ import annotations

import subprocess
import sys

import pytest
from scratch_environment import Scratch

HEAVY = {"jieba", "numpy", "pydantic", "pydantic_core", "tokenizers", "torch", "transformers"}
LIST = """
from zaoju.plugins import PluginManager
manager = PluginManager.discover(environment={})
manager.offers()
manager.find("segmenter", "none")
"""
RESOLVE = LIST + "manager.resolve('segmenter', 'good')"


def imported(python: str, code: str) -> set[str]:
    done = subprocess.run([python, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return {module.partition(".")[0] for module in modules}


def test_listing_and_finding_import_nothing_heavy() -> None:
    assert not imported(sys.executable, LIST) & HEAVY


@pytest.mark.parametrize("module", ["zaoju", "zaoju.plugins", "zaoju_builtin.plugin"])
def test_modules_that_must_be_light(module: str) -> None:
    assert not imported(sys.executable, f"import {module}") & HEAVY


def test_a_strangers_plugin_is_as_light_and_pydantic_comes_with_the_first_options(scratch: Scratch) -> None:
    found = scratch.probe(ZAOJU_PLUGINS="zaoju-good,zaoju-chunks")
    assert found["heavy"] == []
    assert imported(str(scratch.python), RESOLVE) & HEAVY == {"pydantic", "pydantic_core"}
