"""Plugins as plain modules, for tests that need no package of their own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

HEAD = "from zaoju import Component, hookimpl\nZAOJU_CONTRACT = 1\n"

PluginWriter = Callable[[str, str], EntryPoint]
"""Writes a module of a name, with a body below `HEAD`, and gives its entry point; its package is the name."""


def plugin_writer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PluginWriter:
    monkeypatch.syspath_prepend(folder)

    def write(name: str, body: str) -> EntryPoint:
        (folder / f"{name}.py").write_text(HEAD + dedent(body), encoding="utf-8")
        return EntryPoint(f"{name}_plugin", name, "zaoju")

    return write


class NamedDistribution(Distribution):
    """A distribution that is not on disk."""

    def __init__(self, name: str) -> None:
        self._metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"

    def read_text(self, filename: str) -> str | None:
        return self._metadata if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


def entry_point(name: str, module: str, package: str) -> EntryPoint:
    point = EntryPoint(name, module, "zaoju")
    vars(point).update(dist=NamedDistribution(package))  # as importlib.metadata itself does
    return point


def segmenters(*names: str) -> str:
    components = ", ".join(f'Component("{name}", "parts_of_tests:Halves")' for name in names)
    return f"@hookimpl\ndef zaoju_segmenters():\n    return [{components}]\n"
