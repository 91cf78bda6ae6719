"""`docs/plugins.md` is right: its package works, its snippets run, every hook is in it as it is."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from scratch_environment import DOCUMENTATION, Scratch

from zaoju.plugins import CONTRACT_VERSION
from zaoju.plugins.hooks import specified_hooks

PAGE = DOCUMENTATION.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"no {language} block"
    return found


def test_the_documented_package_is_loaded_and_segments(scratch: Scratch) -> None:
    found = scratch.probe(("segment", "chunks", "春眠不觉晓"), ZAOJU_PLUGINS="zaoju-chunks")
    assert found["infos"]["zaoju-chunks"]["state"] == "loaded"
    assert found["answers"] == [["春眠", "不觉", "晓"]]


@pytest.mark.parametrize("block", blocks("python"))
def test_python_blocks_run(block: str, scratch: Scratch) -> None:
    done = scratch.run("-c", block)
    assert done.returncode == 0, done.stderr


def test_a_block_that_is_wrong_would_be_seen(scratch: Scratch) -> None:
    (usage,) = [block for block in blocks("python") if "春眠不" in block]
    assert scratch.run("-c", usage.replace('春眠不"', '春眠"')).returncode == 1


@pytest.mark.parametrize("block", blocks("toml"))
def test_toml_blocks_parse(block: str) -> None:
    assert tomllib.loads(block)["project"]["entry-points"]["zaoju"]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_blocks_parse(block: str) -> None:
    assert set(yaml.safe_load(block)) <= {"plugins", "tokenization"}


@pytest.mark.parametrize(("hook", "arguments"), sorted(specified_hooks().items()))
def test_every_hook_is_documented_with_its_arguments(hook: str, arguments: tuple[str, ...]) -> None:
    assert f"`{hook}({', '.join(arguments)})`" in PAGE


def test_the_documented_contract_is_the_current_one() -> None:
    assert set(re.findall(r"^ZAOJU_CONTRACT = (\d+)$", PAGE, re.MULTILINE)) == {str(CONTRACT_VERSION)}
