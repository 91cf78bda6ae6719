"""A new plugin package, written from templates, whose tests pass at once."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from string import Template

from zaoju.errors import UserError, did_you_mean
from zaoju.files import whole_folder
from zaoju.plugins import CONTRACT_VERSION, KINDS, PluginManager

_SUPPORTED = (
    *("segmenter", "vocabulary", "reader", "cleaner"),
    *("transform", "selector", "search", "proposer", "constraint", "runner", "tracker"),
)
_ALIASES = {"decoder": "transform", "strategy": "transform"}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class NewPlugin:
    """A plugin package that was written."""

    folder: Path
    kind: str
    component: str
    """The name that a user writes in the config."""


def new_plugin(kind: str, name: str, folder: Path | str = ".") -> NewPlugin:
    """Write the package `folder/zaoju-NAME` with one component of a kind, an example to change, and its tests.

    `kind` is segmenter, vocabulary, reader, cleaner, transform (also: decoder, strategy), selector, search, proposer,
    constraint, runner or tracker; `name` is made of lower-case letters, digits and hyphens, such as `my-words`. The
    package appears whole or not at all.

    Raises `UserError` where the kind is unknown, the name does not fit or is taken, or the folder exists.
    """
    kind = _kind(kind)
    name = name.removeprefix("zaoju-").replace("_", "-")
    component = name.replace("-", "_")
    _check_name(kind, name, component)
    target = Path(folder) / f"zaoju-{name}"
    if target.exists():
        raise UserError(f"{target} exists already: choose another name or another --folder, or remove it first")
    with whole_folder(target) as partial:
        for path, text in _files(kind, name, component).items():
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            (partial / path).write_text(text, encoding="utf-8", newline="\n")
    return NewPlugin(target, kind, component)


def _kind(kind: str) -> str:
    known = _ALIASES.get(kind, kind)
    if known not in _SUPPORTED:
        names = (*_SUPPORTED, *_ALIASES)
        raise UserError(
            f"there is no template for a plugin of the kind {kind!r}{did_you_mean(kind, names)}: choose one of "
            f"{', '.join(names)}"
        )
    return known


def _check_name(kind: str, name: str, component: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(component):
        raise UserError(
            f"{name!r} cannot be the name of a plugin: use lower-case letters, digits and hyphens, a letter first, and "
            "no word of Python's own, such as `my-words`"
        )
    if kind in ("transform", "search") and _is_reserved_option(component):
        raise UserError(f"an option of a {kind} cannot be named {component!r}, which means something else: rename it")
    for offer in PluginManager.discover().offers(kind):
        if offer.component.name == component:
            raise UserError(f"{offer.package} already offers a {kind} named {component!r}: choose another name")


def _is_reserved_option(name: str) -> bool:
    """Whether an option of that name, which the templates of transforms and searches give, would hide something."""
    from zaoju.config.schema import Decoding  # pydantic, wanted only here
    from zaoju.contracts import Options

    return name in Decoding.model_fields or hasattr(Options, name)


def _files(kind: str, name: str, component: str) -> dict[str, str]:
    """The content of every file of the package, by its path."""
    templates = resources.files("zaoju.pipeline") / "templates" / "new_plugin"
    of_kind = {file.name.removesuffix(".template"): file.read_text("utf-8") for file in (templates / kind).iterdir()}
    shared = {
        file.name.removesuffix(".template"): file.read_text("utf-8") for file in (templates / "package").iterdir()
    }
    values = _values(kind, name, component, has_options="options.py" in of_kind)
    values["example"] = _fill(of_kind.pop("config.yaml"), values)
    package = f"src/{values['package']}"
    home = {"pyproject.toml": "", "README.md": "", "test.py": "tests/", "sample.txt": "tests/"}
    rename = {"test.py": f"test_{component}.py"}
    written = {
        f"{home.get(file, f'{package}/')}{rename.get(file, file)}": _fill(text, values)
        for file, text in {**shared, **of_kind}.items()
    }
    return {**written, f"{package}/py.typed": ""}


def _values(kind: str, name: str, component: str, *, has_options: bool) -> dict[str, str]:
    """What stands for each name in a template."""
    title = "".join(part.capitalize() for part in name.split("-"))
    package = f"zaoju_{component}"
    details = [f'options="{package}.options:{title}Options",'] if has_options else []
    if kind == "segmenter":
        details.append('gives=frozenset({"words"}),')  # what vocabularies of words ask of a segmenter
    if kind == "constraint":
        details.append('needs=frozenset({"bytes"}),')  # refused for vocabularies whose bytes nobody knows
    return {
        "project": f"zaoju-{name}",
        "package": package,
        "entry_point": name,
        "component": component,
        "title": title,
        "kind": kind,
        "suffix": kind.capitalize(),
        "hook": KINDS[kind],
        "contract": str(CONTRACT_VERSION),
        "zaoju": ".".join(version("zaoju").split(".")[:2]),
        "details": "".join(f"\n            {line}" for line in details),
        "about_options": " `options.py` says what a user may write." if has_options else "",
    }


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)
