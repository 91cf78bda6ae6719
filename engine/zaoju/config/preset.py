"""What a user asked for by a strategy's name or by a chain: the names of the parts, before any option is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from zaoju.config.faults import Fault, FaultsError
from zaoju.config.schema import Decoding
from zaoju.contracts import Strategy
from zaoju.errors import PluginError, did_you_mean
from zaoju.plugins import Offer, PluginManager

DEFAULT_STRATEGY = "nucleus"
DEFAULT_SELECTOR = "sample"

# A lone transform or search that is named as a strategy acts after these, as in the builtin presets.
_BEFORE_A_LONE_COMPONENT = ("repetition_penalty", "temperature")


@dataclass(frozen=True, slots=True)
class Preset:
    """A chain as it was asked for, by names."""

    name: str
    chain: tuple[str, ...]
    selector: str
    search: str | None
    defaults: Mapping[str, object]
    key: str
    """Where the user wrote the chain: `strategy` or `chain`."""

    @property
    def selector_key(self) -> str:
        """Where the user wrote the selector."""
        return "strategy" if self.key == "strategy" else "selector"

    @property
    def search_key(self) -> str:
        """Where the user wrote the search."""
        return "strategy" if self.key == "strategy" else "search"

    @property
    def label(self) -> str:
        """The preset in a sentence."""
        who = f"strategy {self.name!r}, whose chain is" if self.key == "strategy" else "the chain"
        search = "" if self.search is None else f" with the search {self.search}"
        return f"{who} [{', '.join(self.chain)}]{search}"

    def offers(self, plugins: PluginManager) -> list[Offer]:
        """Who has options here: the transforms in their order, then the search. Raises `FaultsError`."""
        transforms = [find_offer(plugins, "transform", name, self.key) for name in self.chain]
        return transforms if self.search is None else [*transforms, self.search_offer(plugins, self.search)]

    def search_offer(self, plugins: PluginManager, search: str) -> Offer:
        """The offer of the search. Raises `FaultsError`."""
        return find_offer(plugins, "search", search, self.search_key)


def preset_of(plugins: PluginManager, decoding: Decoding) -> Preset:
    """The preset that a `decoding` section names. Raises `FaultsError` with key paths below that section."""
    if decoding.chain is not None:
        search, selector = decoding.search, decoding.selector or DEFAULT_SELECTOR
        last = decoding.selector if search is not None else selector
        name = "+".join(part for part in (*decoding.chain, search, last) if part is not None)
        preset = Preset(name, decoding.chain, selector, search, {}, "chain")
    else:
        preset = _named_preset(plugins, decoding.strategy or DEFAULT_STRATEGY)
    names = [name.rpartition(":")[2] for name in preset.chain]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FaultsError([Fault((preset.key,), f"{', '.join(twice)} stands more than once in {preset.label}")])
    return preset


def _named_preset(plugins: PluginManager, name: str) -> Preset:
    """A strategy of that name, or else the lone transform or search of that name with the usual transforms before."""
    before = tuple(other for other in _BEFORE_A_LONE_COMPONENT if other != name.rpartition(":")[2])
    if not is_offered(plugins, "strategy", name):
        if is_offered(plugins, "transform", name):
            return Preset(name, (*before, name), DEFAULT_SELECTOR, None, {}, "strategy")
        if is_offered(plugins, "search", name):
            return Preset(name, before, DEFAULT_SELECTOR, name, {}, "strategy")
    offer = find_offer(plugins, "strategy", name, "strategy")
    strategy = plugins.resolve("strategy", name).load(Strategy)
    defaults = dict(strategy.defaults)
    preset = Preset(name, tuple(strategy.chain), strategy.selector, strategy.search, defaults, "strategy")
    stray = sorted(set(defaults) - {key for part in preset.offers(plugins) for key in option_fields(part)})
    if stray:
        raise FaultsError([Fault(("strategy",), f"{offer.label} sets {', '.join(stray)}, which no part of it has")])
    return preset


def is_offered(plugins: PluginManager, kind: str, name: str) -> bool:
    """Whether anybody offers a component of that name or full name."""
    return any(
        name in (offer.component.name, f"{offer.package}:{offer.component.name}") for offer in plugins.offers(kind)
    )


def find_offer(plugins: PluginManager, kind: str, name: str, key: str) -> Offer:
    """The one component that a name means. Raises `FaultsError` at `key`."""
    try:
        return plugins.find(kind, name)
    except PluginError as error:
        advice = ""
        if kind == "strategy" and not is_offered(plugins, kind, name):
            lone = sorted({one.component.name for other in ("transform", "search") for one in plugins.offers(other)})
            hint = did_you_mean(name, lone) or "."
            advice = f" One transform or search can be named too{hint} There are: {', '.join(lone)}."
        raise FaultsError([Fault((key,), f"{error}{advice}")]) from error


def option_fields(offer: Offer) -> dict[str, FieldInfo]:
    """The fields of a component's option model by the names that a user writes."""
    model = offer.options_model()
    return {} if model is None else {field.alias or name: field for name, field in model.model_fields.items()}
