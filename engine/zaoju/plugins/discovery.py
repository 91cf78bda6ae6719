"""Find the installed plugins and load each by itself. One bad plugin never stops the others.

pluggy's own `load_setuptools_entrypoints` stops at the first plugin that fails, and takes the program with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from types import ModuleType
from typing import Literal

import pluggy

from zaoju.errors import PluginError
from zaoju.plugins.foreign import blaming, prints_to_stderr
from zaoju.plugins.hooks import Implementation, implementations
from zaoju.plugins.kinds import CONTRACT_VERSION
from zaoju.plugins.offers import Offer, offered
from zaoju.plugins.selection import Selection

GROUP = "zaoju"
"""The entry-point group of every plugin."""

State = Literal["loaded", "blocked", "failed", "incompatible"]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin and what became of it; a line of `zaoju plugins`."""

    name: str
    """The name of the entry point."""

    package: str
    """The distribution, as pip names it."""

    version: str
    state: State
    seconds: float = 0.0
    """How long the import and the offering hooks took."""

    detail: str = ""
    """Why the plugin is not loaded."""

    hooks: tuple[str, ...] = ()
    """The hooks that it implements."""


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """What loading one entry point gave. A plugin that is not loaded offers nothing."""

    info: PluginInfo
    offers: tuple[Offer, ...] = ()
    excluded: tuple[tuple[Offer, str], ...] = ()
    """Offers that `block` or `only` left out, and why."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry point and its distribution."""

    point: EntryPoint
    package: str
    version: str

    @property
    def full_name(self) -> str:
        return f"{self.package}:{self.point.name}"


class _IncompatibleContractError(PluginError):
    """The plugin was made for another version of the contracts."""


def load_all(
    points: Iterable[EntryPoint] | None, selection: Selection, hooks: pluggy.PluginManager, *, strict: bool
) -> list[LoadedPlugin]:
    """Load every plugin, in the order of distribution and entry point, and register the good ones with `hooks`.

    `points` are the entry points to use, None for all that are installed. With `strict`, the first plugin that is not
    as it should be raises `RuntimeError` with the whole traceback.
    """
    found = (_describe(point) for point in (entry_points(group=GROUP) if points is None else points))
    # The same distribution may be found twice on sys.path.
    unique = {(one.package.lower(), one.point.name, one.point.value): one for one in found}
    return [_load(unique[key], selection, hooks, strict=strict) for key in sorted(unique)]


def _describe(point: EntryPoint) -> _Found:
    """An entry point that was made by hand, or whose metadata is damaged, goes by the name of its module."""
    package = point.value.partition(":")[0].partition(".")[0]
    distribution = point.dist
    if distribution is None or not (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")):
        return _Found(point, package, "unknown")
    metadata = distribution.metadata
    if "Name" not in metadata or "Version" not in metadata:
        return _Found(point, package, "unknown")
    return _Found(point, metadata["Name"], metadata["Version"])


def _load(found: _Found, selection: Selection, hooks: pluggy.PluginManager, *, strict: bool) -> LoadedPlugin:
    name, package = found.point.name, found.package
    reason = selection.excludes_plugin(package, name)
    if reason:
        return LoadedPlugin(PluginInfo(name, package, found.version, "blocked", detail=reason))
    start = time.perf_counter()
    try:
        with prints_to_stderr():
            module, implemented = _import(found.point)
            offers = offered(implemented, package, found.version, name)
        kept, excluded = _select(offers, selection, found)
        if not kept:
            reason = excluded[0][1] if excluded else selection.excludes_listener(package, name)
        if reason is None:
            _register(hooks, module, found)
    except PluginError as error:
        if strict:
            raise RuntimeError(f"plugin {name} of {package} {found.version}: {error}") from error
        state: State = "incompatible" if isinstance(error, _IncompatibleContractError) else "failed"
        seconds = time.perf_counter() - start
        return LoadedPlugin(PluginInfo(name, package, found.version, state, seconds, str(error)))
    seconds = time.perf_counter() - start
    if reason:
        info = PluginInfo(name, package, found.version, "blocked", seconds, reason)
    else:
        names = tuple(sorted({one.hook for one in implemented}))
        info = PluginInfo(name, package, found.version, "loaded", seconds, hooks=names)
    return LoadedPlugin(info, tuple(kept), tuple(excluded))


def _import(point: EntryPoint) -> tuple[ModuleType, list[Implementation]]:
    with blaming(f"{point.value} cannot be imported"):
        module = point.load()
    if not isinstance(module, ModuleType):
        raise PluginError(
            f"the entry point is {point.value}, a {type(module).__name__}; it must be a module: "
            f"{point.value.partition(':')[0]}"
        )
    contract = getattr(module, "ZAOJU_CONTRACT", None)
    if contract is None:
        raise _IncompatibleContractError(
            f"it does not state the contract that it was made for: add `ZAOJU_CONTRACT = {CONTRACT_VERSION}` "
            f"to {module.__name__}"
        )
    if contract != CONTRACT_VERSION:
        raise _IncompatibleContractError(
            f"made for contract {contract}, this is zaoju {version('zaoju')} with contract {CONTRACT_VERSION}"
        )
    return module, implementations(module)


def _select(offers: list[Offer], selection: Selection, found: _Found) -> tuple[list[Offer], list[tuple[Offer, str]]]:
    addresses = {offer.address for offer in offers}
    kept: list[Offer] = []
    excluded: list[tuple[Offer, str]] = []
    for offer in offers:
        reason = selection.excludes_component(offer.address, found.package, found.point.name, addresses)
        if reason:
            excluded.append((offer, reason))
        else:
            kept.append(offer)
    return kept, excluded


def _register(hooks: pluggy.PluginManager, module: ModuleType, found: _Found) -> None:
    other = hooks.get_name(module)
    if other:
        raise PluginError(f"its module {module.__name__} is already loaded as the plugin {other}")
    with blaming("pluggy refuses it"):
        hooks.register(module, name=found.full_name)
