"""The page `docs/config.md` says what the schema says: every key, every default, every choice, real error messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from zaoju.config import Config, check, load_config
from zaoju.config.schema import CHOICES
from zaoju.errors import ConfigError
from zaoju.plugins import PluginManager

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")


def rows(model: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """One table row for each key, as the page must have it."""
    found = []
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel) and "name" not in type(default).model_fields:
            found += rows(type(default), f"{prefix}{name}.")
            continue
        shown = yaml.safe_dump(to_jsonable_python(default), default_flow_style=True, allow_unicode=True)
        shown = shown.removesuffix("...\n").strip()
        found.append(
            f"| `{prefix}{name}` | `{'' if shown == 'null' else shown}` | {field.description} |".replace("``", "")
        )
    return found


def test_the_tables_list_every_key_with_its_default() -> None:
    on_the_page = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_.]+` \|", line)]
    assert "\n".join(on_the_page) == "\n".join(rows())


def test_the_builtin_choices_are_listed(plugins: PluginManager) -> None:
    for kind in [*CHOICES.values(), "strategy", "transform", "selector"]:
        names = ", ".join(f"`{offer.component.name}`" for offer in plugins.offers(kind))
        assert f"| {kind} | {names} |" in PAGE


def test_the_example_passes_and_the_errors_are_real(
    plugins: PluginManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good, *_ = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    Path("config.yaml").write_text(good, encoding="utf-8")
    check(load_config(Path("config.yaml")), plugins)
    examples = re.findall(r"```yaml\n(# wrong\n.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for wrong, told in examples:
        Path("config.yaml").write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            check(load_config(Path("config.yaml")), plugins)
        assert str(caught.value) == told.strip()
