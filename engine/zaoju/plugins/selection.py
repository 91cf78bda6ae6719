"""Which plugins and components take part: `block`, `only`, and the environment variable `ZAOJU_PLUGINS`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from zaoju.errors import UserError, did_you_mean

BUILTIN_PACKAGE = "zaoju"


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """The `plugins:` part of the config."""

    block: tuple[str, ...] = ()
    """Distributions, entry points or components (`segmenter/jieba`) to leave out."""

    only: tuple[str, ...] = ()
    """Where it is not empty, everything else is left out, except the builtins, which it spares unless it names them."""

    prefer: Mapping[str, str] = field(default_factory=dict)
    """Which package a component comes from where several offer it: `segmenter/jieba` -> `some-package`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `block` or `only`."""

    text: str
    source: str
    """Where the user wrote it, for messages."""

    @property
    def is_component(self) -> bool:
        return "/" in self.text

    def names(self, package: str, plugin: str) -> bool:
        """Whether the rule names the distribution or the entry point."""
        return same_name(self.text, package) or same_name(self.text, plugin)


class Selection:
    """The rules of the settings and of `ZAOJU_PLUGINS` together.

    `ZAOJU_PLUGINS="-bad,good"` adds `bad` to what is blocked and `good` to `only`. Where `block` and `only` disagree,
    `block` wins.
    """

    def __init__(self, settings: PluginSettings, environment: str) -> None:
        self._block = [Rule(text, "plugins.block") for text in settings.block]
        self._only = [Rule(text, "plugins.only") for text in settings.only]
        for word in filter(None, (word.strip() for word in environment.split(","))):
            name = word.removeprefix("-").strip()
            if not name:
                raise UserError(
                    f'ZAOJU_PLUGINS is {environment!r}; write "-name" to block and "name" to keep only that'
                )
            (self._block if word.startswith("-") else self._only).append(Rule(name, "ZAOJU_PLUGINS"))

    def excludes_plugin(self, package: str, plugin: str) -> str | None:
        """Why a plugin is not even imported, or None.

        Where `only` names a component, every plugin has to be imported to see whether it offers it.
        """
        for rule in self._block:
            if rule.names(package, plugin):
                return f"{rule.source} names {rule.text}"
        return None if any(rule.is_component for rule in self._only) else self.excludes_listener(package, plugin)

    def excludes_component(self, address: str, package: str, plugin: str, offered: Collection[str]) -> str | None:
        """Why a loaded plugin's component is left out, or None. `offered` are the addresses of all its components."""
        for rule in self._block:
            if rule.text == address:
                return f"{rule.source} names {address}"
        if not self._only or self._keeps_whole(package, plugin):
            return None
        named = {rule.text for rule in self._only if rule.is_component}
        if same_name(package, BUILTIN_PACKAGE) and named.isdisjoint(offered):
            return None
        return None if address in named else self._not_named()

    def excludes_listener(self, package: str, plugin: str) -> str | None:
        """Why a loaded plugin that offers no components, only event hooks, is left out, or None."""
        if not self._only or self._keeps_whole(package, plugin) or same_name(package, BUILTIN_PACKAGE):
            return None
        return self._not_named()

    def unmatched(self, plugins: Iterable[tuple[str, str]], addresses: Collection[str]) -> list[str]:
        """A warning for each rule that matched none of `plugins` (package, entry point) and `addresses`."""
        plugins = list(plugins)
        names = [name for pair in plugins for name in pair]
        warnings = []
        for rule in [*self._block, *self._only]:
            if rule.is_component:
                if rule.text not in addresses:
                    hint = did_you_mean(rule.text, addresses)
                    warnings.append(f"{rule.source}: {rule.text!r} matches no component of a loaded plugin{hint}")
            elif not any(rule.names(package, plugin) for package, plugin in plugins):
                hint = did_you_mean(rule.text, names)
                warnings.append(f"{rule.source}: {rule.text!r} matches no installed package or plugin{hint}")
        return warnings

    def _keeps_whole(self, package: str, plugin: str) -> bool:
        return any(rule.names(package, plugin) for rule in self._only)

    def _not_named(self) -> str:
        return f"{self._only[0].source} does not name it"


def same_name(first: str, second: str) -> bool:
    """Whether two names are the same to pip: upper and lower case, and `-`, `_` and `.`, make no difference."""
    return _normalized(first) == _normalized(second)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
