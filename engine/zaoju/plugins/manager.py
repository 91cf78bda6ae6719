"""The plugins of one engine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pluggy

from zaoju import hookspecs
from zaoju.errors import PluginError, did_you_mean
from zaoju.plugins.discovery import LoadedPlugin, PluginInfo, load_all
from zaoju.plugins.events import LifecycleHooks
from zaoju.plugins.foreign import blaming
from zaoju.plugins.lookup import Catalogue
from zaoju.plugins.offers import Offer
from zaoju.plugins.resolved import JSON, ResolvedComponent
from zaoju.plugins.selection import PluginSettings, Selection

if TYPE_CHECKING:
    from zaoju.contracts import Event


class PluginManager:
    """Knows the installed plugins, chooses components by name, and passes events on to plugins.

    It never changes after `discover`, may be used by several threads, and shares nothing with other managers. A worker
    process gets a `ResolvedComponent`, not the manager.
    """

    def __init__(
        self, plugins: Sequence[LoadedPlugin], lifecycle: LifecycleHooks, settings: PluginSettings, selection: Selection
    ) -> None:
        self.infos: tuple[PluginInfo, ...] = tuple(plugin.info for plugin in plugins)
        """Every plugin that is installed, and what became of it."""
        self._lifecycle = lifecycle
        offers = sorted(
            (offer for plugin in plugins for offer in plugin.offers),
            key=lambda offer: (offer.kind, offer.component.name, offer.package, offer.plugin),
        )
        excluded = [pair for plugin in plugins for pair in plugin.excluded]
        self._catalogue = Catalogue(offers, excluded, self.infos, settings.prefer)
        addresses = {offer.address for offer in [*offers, *(offer for offer, _ in excluded)]}
        self.warnings: tuple[str, ...] = (
            *selection.unmatched(((info.package, info.name) for info in self.infos), addresses),
            *(
                f"plugins.prefer: {address!r} matches no component of a loaded plugin{did_you_mean(address, addresses)}"
                for address in settings.prefer
                if address not in addresses
            ),
        )
        """Settings that matched nothing, most likely slips of the pen."""

    @classmethod
    def discover(
        cls,
        settings: PluginSettings | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        entry_points: Iterable[EntryPoint] | None = None,
    ) -> PluginManager:
        """Find and load the plugins. A broken one is noted in `infos` and stops nothing.

        `environment` is `os.environ` unless given: `ZAOJU_PLUGINS="-bad,good"` adds to `block` and `only`,
        `ZAOJU_STRICT_PLUGINS=1` raises `RuntimeError` with a traceback at the first plugin that is not as it should be,
        `ZAOJU_TRACE=1` logs hook calls. `entry_points` are all installed ones unless given.
        """
        settings = PluginSettings() if settings is None else settings
        environment = os.environ if environment is None else environment
        hooks = pluggy.PluginManager(hookspecs.PROJECT)
        hooks.add_hookspecs(hookspecs)
        selection = Selection(settings, environment.get("ZAOJU_PLUGINS", ""))
        plugins = load_all(entry_points, selection, hooks, strict=_is_on(environment, "ZAOJU_STRICT_PLUGINS"))
        lifecycle = LifecycleHooks(hooks, trace=_is_on(environment, "ZAOJU_TRACE"))
        return cls(plugins, lifecycle, settings, selection)

    def offers(self, kind: str | None = None) -> list[Offer]:
        """The components on offer, of one kind or of all, sorted by kind, name and package."""
        return [offer for offer in self._catalogue.offers if kind in (None, offer.kind)]

    def find(self, kind: str, name: str) -> Offer:
        """The component that `name` or `package:name` means. Imports nothing.

        Raises `PluginError` where it is unknown, blocked, offered by several packages, or needs a missing module.
        """
        return self._catalogue.find(kind, name)

    def resolve(self, kind: str, name: str, options: Mapping[str, object] | None = None) -> ResolvedComponent:
        """The component with its options checked and completed. Imports its option model, not the component.

        Raises what `find` raises, `pydantic.ValidationError` where the options do not fit the model, and `PluginError`
        where the component takes no options.
        """
        offer = self.find(kind, name)
        component = offer.component
        model = offer.options_model()
        if model is None:
            if options:
                raise PluginError(f"{offer.label} takes no options, and was given {', '.join(options)}: leave them out")
            complete: dict[str, JSON] = {}
        else:
            checked = model.model_validate(options or {})
            # Worker processes and artefacts get the options as JSON, so what cannot come back from it is refused now.
            with blaming(f"{offer.label}: its options {component.options} do not survive being written as JSON"):
                complete = checked.model_dump(mode="json", by_alias=True)
                model.model_validate(complete)
        return ResolvedComponent(
            kind, component.name, offer.package, offer.version, component.target, component.options, complete
        )

    def notify(self, event: Event) -> None:
        """Tell plugins about an event. Events without a hook are passed over.

        Raises `PluginError` naming plugin and hook where a hook raises anything.
        """
        self._lifecycle.notify(event)


def _is_on(environment: Mapping[str, str], switch: str) -> bool:
    return environment.get(switch, "") not in ("", "0")
