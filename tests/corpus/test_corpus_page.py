"""docs/corpus.md: its configs are right, and its tables have every option with its true default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from zaoju.config import check_config
from zaoju.plugins import PluginManager
from zaoju_builtin.readers.components import readers
from zaoju_builtin.readers.options import DatasetsOptions, MarkdownOptions, Options

PAGE = (Path(__file__).parents[2] / "docs" / "corpus.md").read_text("utf-8")
ELSEWHERE = {"paths", "encoding", "maximum_expansion"}
"""Options that every reader of files has, which the table of `text` tells of."""


def test_every_reader_has_its_paragraph() -> None:
    assert [component.name for component in readers() if f"\n**`{component.name}`** " not in PAGE] == []


def test_the_configs_are_right() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)]
    assert len(blocks) >= 4
    for block in blocks:
        check_config(block)


def test_the_reader_of_the_piped_example_is_right() -> None:
    (override,) = re.findall(r"cat poems\.txt \| zaoju run --set '(.*)'", PAGE)
    (reader,) = check_config({}, overrides=[override]).plan.readers
    assert reader.options["paths"] == ["-"] and reader.options["documents"] == "line"


@pytest.mark.parametrize(("name", "model"), [("markdown", MarkdownOptions), ("datasets", DatasetsOptions)])
def test_the_tables_of_options_are_complete(name: str, model: type[Options]) -> None:
    chapter = PAGE.partition(f"\n**`{name}`** ")[2].partition("\n**`")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*?)\|", chapter, flags=re.MULTILINE))
    assert set(rows) == set(model.model_fields) - (ELSEWHERE if "paths" in model.model_fields else set())
    for option, written in rows.items():
        default = model.model_fields[option].default
        shown = written.replace("`", "").strip()
        if default is None:
            assert shown in ("", "the newest"), option
        else:
            expected = ", ".join(default) if isinstance(default, list) else str(default).lower()
            assert shown == (f"{default:,}" if type(default) is int else expected), option
    assert PluginManager.discover().find("reader", name)
