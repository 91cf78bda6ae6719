"""docs/cleaning.md names every cleaner, kind and reason, and its configs are right."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from cleaning import cleaner

from zaoju.plugins import PluginManager
from zaoju_builtin.cleaners.components import cleaners
from zaoju_builtin.cleaners.personal_data import _RULES
from zaoju_builtin.cleaners.profiles import PROFILES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cleaning.md").read_text("utf-8")


def test_every_cleaner_has_its_chapter() -> None:
    assert {f"## `{component.name}`" for component in cleaners()} <= set(PAGE.split("\n"))


def test_every_profile_reason_and_placeholder_is_there() -> None:
    source = (ROOT / "plugins/builtin/zaoju_builtin/cleaners/quality.py").read_text("utf-8")
    reasons = set(re.findall(r'return "(\w+)"', source))
    assert len(reasons) >= 10
    for name in [*PROFILES, *reasons, *_RULES]:
        assert f"`{name}`" in PAGE, name
    assert [rule.placeholder for rule in _RULES.values() if rule.placeholder not in PAGE] == []


def test_the_configs_name_what_there_is() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        for choice in yaml.safe_load(block)["corpus"]["cleaners"]:
            name, options = (choice, {}) if isinstance(choice, str) else (choice.pop("name"), choice)
            options.pop("files", None)  # there is no such file here
            assert PluginManager.discover().find("cleaner", name)
            if name != "decontaminate":
                cleaner(name, **options)
