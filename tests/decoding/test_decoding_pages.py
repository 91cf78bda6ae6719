"""The pages about decoding: their tables are true, their settings valid, their snippets run and keep the contracts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from zaoju import Engine, PluginManager
from zaoju.config import resolve_decoding
from zaoju.plugins import Offer
from zaoju.testing import decoding_engine

DOCS = Path(__file__).resolve().parents[2] / "docs"
KINDS = {
    "transform": "transforms",
    "strategy": "strategies",
    "selector": "selectors",
    "search": "searches",
    "proposer": "proposers",
    "constraint": "constraints",
}
PAGES = ["decoding.md", *(f"decoding/{page}.md" for page in KINDS.values())]


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine(spread=4.0)


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def options_of(offer: Offer) -> str:
    model = offer.options_model()
    fields = {} if model is None else {field.alias or name: field for name, field in model.model_fields.items()}
    shown = []
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        written = "" if field.is_required() or default is None else f" ({_plain(default)})"
        shown.append(f"`{name}`{written}")
    return ", ".join(shown)


def _plain(value: object) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return f"`{written}`" if isinstance(value, tuple | list) and value else written.strip('"')


def row(kind: str, offer: Offer, plugins: PluginManager) -> str:
    name, summary = offer.component.name, offer.component.summary
    if kind != "strategy":
        return f"| `{name}` | {options_of(offer)} | {summary} |"
    plan = resolve_decoding(plugins, {"strategy": name})
    chooser = ", ".join(f"`{part.name}`" for part in plan.choosers)
    return f"| `{name}` | {', '.join(f'`{part.name}`' for part in plan.chain)} | {chooser} | {summary} |"


@pytest.mark.parametrize(("kind", "page"), KINDS.items())
def test_every_builtin_stands_in_its_table(kind: str, page: str, plugins: PluginManager) -> None:
    """In the order of the names, with options, defaults and summary as `zaoju plugins show` has them."""
    expected = [row(kind, offer, plugins) for offer in plugins.offers(kind) if offer.package == "zaoju"]
    written = re.findall(r"^\| `\w+` \|.*\|$", (DOCS / f"decoding/{page}.md").read_text("utf-8"), re.MULTILINE)
    assert "\n".join(written[: len(expected)]) == "\n".join(expected)


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_are_valid(page: str, plugins: PluginManager) -> None:
    for block in blocks(page, "yaml"):
        settings = yaml.safe_load(block)["decoding"]
        plan = resolve_decoding(plugins, settings)
        assert all(plan.options[name] == value for name, value in settings.items() if name in plan.options)


@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_run(page: str, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "load", lambda folder: engine)
    namespace: dict[str, object] = {"__name__": "snippet", "engine": engine}
    snippets = blocks(page, "python")
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, page, "exec"), namespace)


CHECKS = """
from snippets import *
from zaoju.testing import (
    ConstraintContract, ProposerContract, SearchContract, SelectorContract, StrategyContract, TransformContract
)
from snippet_options import *

class TestSmallest(TransformContract):
    make, options = Smallest, SmallestOptions()

class TestNever(TransformContract):
    make, options = Never, NeverOptions()
    examples = ({"never": ["我"]}, {"never": ["想", "。"]})

class TestTiring(TransformContract):
    make, options = Tiring, TiringOptions()

class TestSecond(SelectorContract):
    make = Second
    draws = None

class TestTwoStarts(SearchContract):
    make = TwoStarts

class TestEcho(ProposerContract):
    make = Echo

class TestNoDigits(ConstraintContract):
    make = NoDigits
    examples = ("我想在家。", "龘", "")
    counterexamples = ("我3", "2026年")
"""


def test_what_the_pages_show_keeps_the_contracts(tmp_path: Path) -> None:
    """Each component that a page writes as an example passes the kit of its kind."""
    classes = [block for page in PAGES[1:] for block in blocks(page, "python") if re.search(r"^class ", block, re.M)]
    options = [block for block in classes if re.search(r"^class \w+\(Options\)", block, re.M)]
    others = [block for block in classes if block not in options]
    (tmp_path / "snippet_options.py").write_text("\n".join(options), "utf-8")
    (tmp_path / "snippets.py").write_text("\n".join(["from snippet_options import *", *others]), "utf-8")
    (tmp_path / "test_snippets.py").write_text(CHECKS, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > 70
