"""Choose one offer by its name, or say why there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from zaoju.errors import PluginError, did_you_mean
from zaoju.plugins.discovery import PluginInfo
from zaoju.plugins.kinds import KINDS
from zaoju.plugins.offers import Offer
from zaoju.plugins.selection import same_name


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a lookup may have to mention."""

    offers: Sequence[Offer]
    excluded: Sequence[tuple[Offer, str]]
    """Offers that are left out, and why."""

    infos: Sequence[PluginInfo]
    prefer: Mapping[str, str]

    def find(self, kind: str, name: str) -> Offer:
        """The offer that `name` or `package:name` means.

        Raises `PluginError` where there is none, where several packages offer it and nothing settles which, or where a
        module that the component needs is not installed.
        """
        if kind not in KINDS:
            raise PluginError(f"no kind of component is named {kind!r}{did_you_mean(kind, KINDS)}: {', '.join(KINDS)}")
        package, _, short_name = name.rpartition(":")
        offers = [offer for offer in self.offers if (offer.kind, offer.component.name) == (kind, short_name)]
        if package:
            offers = self._of_package(offers, package, f"{name!r} is a full name, and {package} does not offer it")
        elif not offers:
            raise PluginError(self._unknown(kind, short_name))
        elif preferred := self.prefer.get(f"{kind}/{short_name}"):
            line = f"plugins.prefer takes {kind}/{short_name} from {preferred}, which does not offer it"
            offers = self._of_package(offers, preferred, line)
        if len(offers) > 1:
            raise PluginError(_rivals(offers))
        _check_requirements(offers[0])
        return offers[0]

    def _of_package(self, offers: list[Offer], package: str, complaint: str) -> list[Offer]:
        chosen = [offer for offer in offers if same_name(offer.package, package)]
        if not chosen:
            others = ", ".join(offer.package for offer in offers)
            where = f"{others} does" if others else "no loaded plugin does"
            raise PluginError(f"{complaint}; {where}.{self._not_loaded()}")
        return chosen

    def _unknown(self, kind: str, name: str) -> str:
        for offer, reason in self.excluded:
            if offer.address == f"{kind}/{name}":
                return f"{offer.label} is blocked: {reason}. Change that, or choose {self._available(kind)}."
        known = [offer.component.name for offer in self.offers if offer.kind == kind]
        hint = did_you_mean(name, known)
        start = f"no {kind} is named {name!r}{hint}{'' if hint else '.'}"
        return f"{start} Available: {self._available(kind) or 'none'}.{self._not_loaded()}"

    def _available(self, kind: str) -> str:
        return ", ".join(sorted({offer.component.name for offer in self.offers if offer.kind == kind}))

    def _not_loaded(self) -> str:
        """The plugins that might have offered it, had they been loaded."""
        states = {info.state for info in self.infos}
        lines = [
            f"{info.name} of {info.package} {info.version} ({info.state}: {info.detail})"
            for info in self.infos
            if info.state != "loaded"
        ]
        advice = " ZAOJU_STRICT_PLUGINS=1 shows the traceback of the first." if "failed" in states else ""
        return f" Plugins that are not loaded: {'; '.join(lines)}.{advice}" if lines else ""


def _rivals(offers: Iterable[Offer]) -> str:
    """Several offers of one name: who they are, and the line that settles it."""
    offers = list(offers)
    kind, name = offers[0].kind, offers[0].component.name
    packages = sorted({offer.package for offer in offers})
    if len(packages) == 1:
        plugins = sorted(offer.plugin for offer in offers)
        return (
            f"{kind} {name!r} is offered by several plugins of {packages[0]}: {', '.join(plugins)}. "
            f"Block one in the config: `plugins: {{block: [{plugins[-1]}]}}`"
        )
    return (
        f"{kind} {name!r} is offered by {' and '.join(packages)}. Say in the config which one you mean: "
        f"`plugins: {{prefer: {{{kind}/{name}: {packages[-1]}}}}}`, or write the full name `{packages[-1]}:{name}`"
    )


def _check_requirements(offer: Offer) -> None:
    component = offer.component
    missing = [module for module in component.requires if not _is_installed(module)]
    if missing:
        advice = f"To install it: {component.install}" if component.install else "Install the package that provides it"
        raise PluginError(f"{offer.label} needs {', '.join(missing)}, which is not installed. {advice}")


def _is_installed(module: str) -> bool:
    """Whether the module can be found. Only its top package is looked up: going deeper would import that package."""
    top = module.partition(".")[0]
    return sys.modules.get(top) is not None or find_spec(top) is not None
