"""Plugin packages that the tests build as real wheels: one good, the others broken or odd, each in one way."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from hatchling import build

PLUGIN = """\
import sys

from zaoju import Component, hookimpl

ZAOJU_CONTRACT = 1


@hookimpl
def zaoju_segmenters():
    return [Component("NAME", "MODULE.parts:Halves", options="MODULE.options:HalvesOptions", summary="Two halves")]


@hookimpl
def zaoju_stage_started(stage, folder):
    print("started", stage, folder.name, file=sys.stderr)
"""

PARTS = """\
from zaoju import Segmenter


class Halves(Segmenter):
    def segment(self, text):
        middle = len(text) // 2
        return [text[:middle], text[middle:]]


class Unfinished(Segmenter):
    pass


class Foreign:
    pass


nothing = None
"""

OPTIONS = """\
from pydantic import Field

from zaoju import Options


class HalvesOptions(Options):
    mark: str = Field(default="|", description="A character")


class Foreign:
    pass
"""


@dataclass(frozen=True)
class PluginPackage:
    """A distribution with one entry point; `changes` are pairs of old and new text in the good plugin module."""

    name: str
    changes: tuple[tuple[str, str], ...] = ()
    entry_point: str | None = None
    """`module` or `module:attribute`; the plugin module of the package unless given."""

    files: dict[str, str] = field(default_factory=dict)
    """Instead of the good package's files."""

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def component(self) -> str:
        return self.module.removeprefix("zaoju_")

    def sources(self) -> dict[str, str]:
        if self.files:
            return self.files
        plugin = PLUGIN
        for old, new in self.changes:
            assert old in plugin, f"{self.name} changes nothing"
            plugin = plugin.replace(old, new)
        plugin = plugin.replace("NAME", self.component).replace("MODULE", self.module)
        home = self.module
        return {
            "pyproject.toml": PROJECT.format(
                name=self.name, entry=self.component, value=self.entry_point or f"{home}.plugin", home=home
            ),
            f"{home}/__init__.py": "",
            f"{home}/plugin.py": plugin,
            f"{home}/parts.py": PARTS,
            f"{home}/options.py": OPTIONS,
        }

    def build(self, workshop: Path, wheels: Path) -> Path:
        """Write the sources into a folder of their own and build the wheel, without network and without isolation."""
        folder = workshop / self.name
        for name, text in self.sources().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        before = Path.cwd()
        os.chdir(folder)
        try:
            return wheels / build.build_wheel(str(wheels))
        finally:
            os.chdir(before)


PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.0"

[project.entry-points.zaoju]
{entry} = "{value}"

[tool.hatch.build.targets.wheel]
packages = ["{home}"]
"""


@dataclass(frozen=True)
class Refused:
    """A package that must not be loaded, and what its line in the listing must say."""

    package: PluginPackage
    message: str
    state: str = "failed"


_RETURN = (
    'return [Component("NAME", "MODULE.parts:Halves", options="MODULE.options:HalvesOptions", summary="Two halves")]'
)
_STARTED = "def zaoju_stage_started(stage, folder):"
_MARKED = "@hookimpl\ndef zaoju_segmenters"


def _refused(name: str, old: str, new: str, message: str, state: str = "failed") -> Refused:
    return Refused(PluginPackage(name, ((old, new),)), message, state)


REFUSED = [
    _refused(
        "zaoju-raises", "ZAOJU_CONTRACT", "raise ValueError('no licence')\nZAOJU_CONTRACT", "ValueError: no licence"
    ),
    _refused(
        "zaoju-exits", "ZAOJU_CONTRACT", "raise SystemExit(3)\nZAOJU_CONTRACT", "cannot be imported: SystemExit: 3"
    ),
    _refused(
        "zaoju-panics",
        "ZAOJU_CONTRACT",
        "class PanicException(BaseException): pass\n\nraise PanicException('rust')\nZAOJU_CONTRACT",
        "PanicException: rust",
    ),
    _refused(
        "zaoju-poor",
        "from zaoju",
        "import library_that_is_not_there\nfrom zaoju",
        "ModuleNotFoundError: No module named 'library_that_is_not_there'",
    ),
    _refused(
        "zaoju-old-name",
        "import Component",
        "import Komponent, Component",
        "cannot import name 'Komponent' from 'zaoju'",
    ),
    _refused(
        "zaoju-future",
        "ZAOJU_CONTRACT = 1",
        "ZAOJU_CONTRACT = 2",
        r"made for contract 2, this is zaoju \d+\.\d+\.\d+\S* with contract 1",
        "incompatible",
    ),
    _refused(
        "zaoju-undated",
        "ZAOJU_CONTRACT = 1",
        "",
        "does not state the contract .*: add `ZAOJU_CONTRACT = 1` to zaoju_undated.plugin",
        "incompatible",
    ),
    _refused(
        "zaoju-misspelled",
        "zaoju_segmenters",
        "zaoju_segmentors",
        "unknown hook zaoju_segmentors; did you mean 'zaoju_segmenters'",
    ),
    _refused(
        "zaoju-unmarked", _MARKED, "def zaoju_segmenters", "zaoju_segmenters is not marked as a hook: put @hookimpl"
    ),
    _refused(
        "zaoju-unmarked-slip",
        _MARKED,
        "def zaoju_segmentors",
        "zaoju_segmentors is neither marked .* did you mean 'zaoju_segmenters'",
    ),
    _refused(
        "zaoju-wrong-argument",
        _STARTED,
        "def zaoju_stage_started(stage, folders):",
        "unknown argument folders; did you mean 'folder'.*may take stage, folder",
    ),
    _refused(
        "zaoju-offering-argument",
        "zaoju_segmenters()",
        "zaoju_segmenters(config)",
        "unknown argument config. zaoju_segmenters takes no arguments",
    ),
    _refused(
        "zaoju-default",
        _STARTED,
        "def zaoju_stage_started(stage, folder=None):",
        "gives its argument folder a default",
    ),
    _refused(
        "zaoju-keyword-only", _STARTED, "def zaoju_stage_started(*, folder):", "argument folder, which is never passed"
    ),
    _refused("zaoju-keywords", _STARTED, "def zaoju_stage_started(**all):", r"argument \*\*all, which is never passed"),
    _refused("zaoju-wrapper", _MARKED, "@hookimpl(wrapper=True)\ndef zaoju_segmenters", "marked as a wrapper"),
    _refused("zaoju-async", _STARTED, f"async {_STARTED}", "must be a plain function"),
    _refused(
        "zaoju-class-hook", _STARTED, "class zaoju_stage_started:\n  def stop(stage, folder):", "must be a function"
    ),
    _refused("zaoju-hook-raises", _RETURN, "return {}['key']", "zaoju_segmenters raised an error: KeyError: 'key'"),
    _refused("zaoju-returns-none", _RETURN, "pass", "zaoju_segmenters returned None"),
    _refused("zaoju-returns-tuple", _RETURN, "return ()", "must return a list .*, and returned a tuple"),
    _refused("zaoju-lists-class", _RETURN, "return [Halves]\n\nclass Halves: pass", "lists the class Halves"),
    _refused("zaoju-bad-name", '"NAME"', '"two halves"', "component named 'two halves'; a name is made of"),
    _refused(
        "zaoju-bad-target", "MODULE.parts:Halves", "MODULE.parts.Halves", "target is 'zaoju_bad_target.parts.Halves'"
    ),
    _refused("zaoju-class-options", '"MODULE.options:HalvesOptions"', "int", "options is <class 'int'>"),
    _refused(
        "zaoju-loose-requires", "summary=", "requires='jieba', summary=", "requires is 'jieba'; .*a tuple of strings"
    ),
    _refused(
        "zaoju-twice", _RETURN, 'return 2 * [Component("same", "MODULE.parts:Halves")]', "offers the name 'same' twice"
    ),
    Refused(
        PluginPackage("zaoju-no-module", entry_point="zaoju_no_module.nowhere"),
        "ModuleNotFoundError: No module named 'zaoju_no_module.nowhere'",
    ),
    Refused(
        PluginPackage("zaoju-no-attribute", entry_point="zaoju_no_attribute.plugin:Nowhere"),
        "AttributeError: .*'Nowhere'",
    ),
    Refused(
        PluginPackage("zaoju-points-at-class", entry_point="zaoju_points_at_class.parts:Halves"),
        "must be a module: zaoju_points_at_class.parts",
    ),
]

GOOD = PluginPackage("zaoju-good")
SLOW = PluginPackage("zaoju-slow", (("ZAOJU_CONTRACT", "import time\n\ntime.sleep(0.3)\nZAOJU_CONTRACT"),))
TALKATIVE = PluginPackage("zaoju-talkative", (("ZAOJU_CONTRACT", "print('buy our book')\nZAOJU_CONTRACT"),))
TAKES_JIEBA = PluginPackage("zaoju-takes-jieba", (('"NAME"', '"jieba"'),))
RIVALS = [PluginPackage(f"zaoju-rival-{one}", (('"NAME"', '"shared"'),)) for one in ("a", "b")]
DAMAGED = PluginPackage("zaoju-damaged")
"""Its METADATA is deleted after the installation, as an interrupted uninstall leaves it."""
LISTENER_THAT_RAISES = PluginPackage(
    "zaoju-bad-listener",
    (
        ("def zaoju_stage_started(stage, folder)", "def zaoju_checkpoint_saved(step)"),
        ('print("started", stage, folder.name, file=sys.stderr)', "raise SystemExit('disk full')"),
    ),
)
BAD_AT_USE = PluginPackage(
    "zaoju-bad-at-use",
    (
        (
            _RETURN,
            """return [
        Component("no_module", "MODULE.nowhere:Halves"),
        Component("no_class", "MODULE.parts:Nowhere"),
        Component("no_subclass", "MODULE.parts:Foreign"),
        Component("no_type", "MODULE.parts:nothing"),
        Component("unfinished", "MODULE.parts:Unfinished"),
        Component("no_options", "MODULE.parts:Halves", options="MODULE.nowhere:HalvesOptions"),
        Component("no_model", "MODULE.parts:Halves", options="MODULE.options:Foreign"),
        Component("no_library", "MODULE.parts:Halves", requires=("re", "no_such_library"), install="pip install it"),
    ]""",
        ),
    ),
)


def documented_package(page: Path) -> PluginPackage:
    """The complete example of `docs/plugins.md`: every block that begins with the name of its file."""
    blocks = re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return PluginPackage("zaoju-chunks", files={**dict(blocks), "zaoju_chunks/__init__.py": ""})


ALL = [
    *(refused.package for refused in REFUSED),
    GOOD,
    SLOW,
    TALKATIVE,
    TAKES_JIEBA,
    *RIVALS,
    DAMAGED,
    LISTENER_THAT_RAISES,
    BAD_AT_USE,
]
