"""A stranger's plugin with all that a config check may meet. It stands for no real package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from zaoju import Component, Options, Strategy, hookimpl

ZAOJU_CONTRACT = 1


class Filter(Options):
    """A model inside a model."""

    shortest: int = Field(default=1, ge=0, description="The shortest text")


class ShelfOptions(Options):
    """Paths in every shape."""

    paths: list[Path] = Field(min_length=1, description="What to read")
    index: Path = Field(default=Path("index.txt"), description="A list of files")
    notes: Path | None = Field(default=None, description="Remarks")
    title: str = Field(default="shelf", description="No path, though it looks like one")
    filter: Filter = Field(default=Filter(), description="What to leave out")
    ratio: int | list[int] = Field(default=1, description="One number or several")

    @field_validator("title")
    @classmethod
    def _short(cls, title: str) -> str:
        if len(title) > 9:
            raise ValueError("must be short, for it goes on a label")
        return title


class ShiftOptions(Options):
    """A number and a switch."""

    shift: float = Field(default=0.0, ge=-1, description="How far")
    mirror: bool = Field(default=False, description="The other way round")


class ClashOptions(Options):
    """The same name as the builtin temperature's option."""

    temperature: float = Field(default=1.0, description="Warmth")


class TalkativeOptions(Options):
    """Not a number, which the contract of transforms forbids."""

    mode: str = Field(default="loud", description="How")


class Shifted(Strategy):
    """A preset with numbers of its own."""

    chain = ("temperature", "shift")
    defaults: ClassVar[Mapping[str, float]] = {"shift": 0.5, "temperature": 0.7}


class Crooked(Strategy):
    """Sets what no part of it has."""

    chain = ("shift",)
    defaults: ClassVar[Mapping[str, float]] = {"tilt": 1.0}


def _component(name: str, options: str | None = None, needs: str = "", gives: str = "") -> Component:
    return Component(
        name,
        "config_test_plugin:Missing",
        options=None if options is None else f"config_test_plugin:{options}",
        needs=frozenset(needs.split()),
        gives=frozenset(gives.split()),
    )


@hookimpl
def zaoju_readers() -> list[Component]:
    return [_component("shelf", "ShelfOptions")]


@hookimpl
def zaoju_segmenters() -> list[Component]:
    return [_component("syllables", gives="syllables"), _component("by_list", "ShelfOptions")]


@hookimpl
def zaoju_vocabularies() -> list[Component]:
    return [_component("rhymes", needs="syllables words", gives="rhyme")]


@hookimpl
def zaoju_trainers() -> list[Component]:
    return [_component("poet", needs="rhyme"), _component("broken", "NoSuchModel")]


@hookimpl
def zaoju_transforms() -> list[Component]:
    return [
        _component("shift", "ShiftOptions"),
        _component("clash", "ClashOptions"),
        _component("talkative", "TalkativeOptions"),
        _component("broken", "NoSuchModel"),
        _component("plain"),
    ]


@hookimpl
def zaoju_strategies() -> list[Component]:
    return [
        Component("shifted", "config_test_plugin:Shifted"),
        Component("crooked", "config_test_plugin:Crooked"),
        Component("lost", "config_test_plugin:NoSuchStrategy"),
    ]
