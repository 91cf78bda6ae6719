"""The components that a plugin offers, and whether they are well formed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zaoju.component import Component
from zaoju.errors import PluginError
from zaoju.plugins.foreign import blaming, import_target, prints_to_stderr
from zaoju.plugins.hooks import Implementation
from zaoju.plugins.kinds import KINDS

if TYPE_CHECKING:
    from zaoju.contracts import Options

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class Offer:
    """A component and where it comes from."""

    kind: str
    component: Component
    package: str
    """The distribution, as pip names it."""

    version: str
    plugin: str
    """The name of the entry point."""

    @property
    def address(self) -> str:
        """Kind and name, such as `segmenter/jieba`: what `block`, `only` and `prefer` know a component by."""
        return f"{self.kind}/{self.component.name}"

    @property
    def label(self) -> str:
        """What messages call the component."""
        return f"{self.kind} {self.component.name!r} of {self.package}"

    def options_model(self) -> type[Options] | None:
        """The model of the component's options; None where it takes none.

        Raises `PluginError` naming the package where the model cannot be imported or is not one.
        """
        target = self.component.options
        return None if target is None else options_model(self.label, target)


def options_model(label: str, target: str) -> type[Options]:
    """The option model at `target`. Imports pydantic, so it is for components that are really used.

    Raises `PluginError` that begins with `label`.
    """
    from zaoju.contracts import Options

    with prints_to_stderr(), blaming(f"{label}: its options {target} cannot be imported"):
        model = import_target(target)
    if not isinstance(model, type) or not issubclass(model, Options):
        raise PluginError(f"{label}: its options {target} are not a subclass of zaoju.Options")
    return model


def offered(implementations: Iterable[Implementation], package: str, version: str, plugin: str) -> list[Offer]:
    """Call a plugin's offering hooks, once each.

    Raises `PluginError` where a hook fails or returns anything but a list of well-formed components.
    """
    kind_of = {hook: kind for kind, hook in KINDS.items()}
    offers: dict[str, Offer] = {}
    for implementation in implementations:
        kind = kind_of.get(implementation.hook)
        if kind is None:
            continue
        for component in _components(implementation):
            offer = Offer(kind, component, package, version, plugin)
            if offer.address in offers:
                raise PluginError(f"{implementation.hook} offers the name {component.name!r} twice")
            offers[offer.address] = offer
    return list(offers.values())


def _components(implementation: Implementation) -> list[Component]:
    hook = implementation.hook
    with blaming(f"{hook} raised an error"):
        returned = implementation.function()
    if returned is None:
        raise PluginError(f"{hook} returned None; it must return a list of zaoju.Component")
    if not isinstance(returned, list):
        raise PluginError(f"{hook} must return a list of zaoju.Component, and returned a {type(returned).__name__}")
    for component in returned:
        if not isinstance(component, Component):
            what = f"the class {component.__name__}" if isinstance(component, type) else f"a {type(component).__name__}"
            raise PluginError(f'{hook} must list zaoju.Component("name", "package.module:Class"), and lists {what}')
        _check_component(hook, component)
    return returned


def _check_component(hook: str, component: Component) -> None:
    name = component.name
    if not isinstance(name, str) or not name.isidentifier():
        raise PluginError(
            f"{hook} offers a component named {name!r}; a name is made of letters, digits and _, with no digit first"
        )
    for field, target in (("target", component.target), ("options", component.options)):
        if target is None and field == "options":
            continue
        if not isinstance(target, str) or not _TARGET.fullmatch(target):
            raise PluginError(
                f"{hook}, component {name!r}: {field} is {target!r}; "
                'it must be an import string such as "package.module:Name"'
            )
    _check_texts(hook, component)


def _check_texts(hook: str, component: Component) -> None:
    """A string where a collection of strings belongs would be taken for its letters."""
    for field, texts, wanted in (
        ("summary", component.summary, str),
        ("install", component.install, str),
        ("gives", component.gives, frozenset),
        ("needs", component.needs, frozenset),
        ("requires", component.requires, tuple),
    ):
        strings: Collection[object] = texts
        if not isinstance(texts, wanted) or not all(isinstance(text, str) for text in strings):
            expected = "a string" if wanted is str else f"a {wanted.__name__} of strings"
            raise PluginError(f"{hook}, component {component.name!r}: {field} is {texts!r}; it must be {expected}")
