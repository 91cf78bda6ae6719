"""From decoding settings to a plan: which transforms, in which order, with which numbers.

Nothing that the user writes is dropped, and nothing acts that the plan does not list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from zaoju.config.faults import Fault, FaultsError, tell
from zaoju.config.plan import DecodingPlan
from zaoju.config.schema import Decoding
from zaoju.config.wording import faults_of, unknown_key, written
from zaoju.contracts import Strategy
from zaoju.errors import PluginError, UserError
from zaoju.plugins import Offer, PluginManager, ResolvedComponent

DEFAULT_STRATEGY = "nucleus"
DEFAULT_SELECTOR = "sample"

# A lone transform that is named as a strategy acts after these, as in the builtin presets.
_BEFORE_A_LONE_TRANSFORM = ("repetition_penalty", "temperature")


def resolve_decoding(plugins: PluginManager, settings: Mapping[str, object]) -> DecodingPlan:
    """The plan for settings such as `{"strategy": "nucleus", "top_p": 0.9}`; the keys are those of `decoding`.

    Imports neither torch nor any transform, only option models. Raises `UserError` with everything that is wrong, one
    line each, such as `top_p: must be <= 1, got 1.5`.
    """
    try:
        try:
            decoding = Decoding.model_validate(settings)
        except ValidationError as error:
            raise FaultsError(faults_of(error, Decoding, settings)) from None
        return plan_decoding(plugins, decoding)
    except FaultsError as error:
        raise UserError(tell(error.faults, lambda path: "")) from None


def plan_decoding(plugins: PluginManager, decoding: Decoding) -> DecodingPlan:
    """The plan for a validated `decoding` section. Raises `FaultsError` with key paths below that section."""
    preset = _preset(plugins, decoding)
    offers = [_find(plugins, "transform", name, preset.key) for name in preset.chain]
    owners = _owners(offers, preset)
    faults = [Fault((key,), _not_in_chain(plugins, key, preset)) for key in decoding.options if key not in owners]
    chain: list[ResolvedComponent] = []
    for name, offer in zip(preset.chain, offers, strict=True):
        given = {key: value for key, value in decoding.options.items() if owners.get(key) is offer}
        start = {key: value for key, value in preset.defaults.items() if owners[key] is offer}
        try:
            chain.append(_resolve_transform(plugins, name, offer, {**start, **given}))
        except FaultsError as error:
            faults.extend(error.faults)
    _find(plugins, "selector", preset.selector, preset.selector_key)
    if faults:
        raise FaultsError(faults)
    return DecodingPlan(
        strategy=preset.name,
        chain=tuple(chain),
        selector=plugins.resolve("selector", preset.selector),
        options={key: _number(component, key) for component in chain for key in component.options},
        max_new_tokens=decoding.max_new_tokens,
        stop=decoding.stop,
        seed=decoding.seed,
    )


@dataclass(frozen=True, slots=True)
class _Preset:
    """A chain as it was asked for, by names."""

    name: str
    chain: tuple[str, ...]
    selector: str
    defaults: Mapping[str, float]
    key: str
    """Where the user wrote the chain: `strategy` or `chain`."""

    @property
    def selector_key(self) -> str:
        return "strategy" if self.key == "strategy" else "selector"

    @property
    def label(self) -> str:
        who = f"strategy {self.name!r}, whose chain is" if self.key == "strategy" else "the chain"
        return f"{who} [{', '.join(self.chain)}]"


def _preset(plugins: PluginManager, decoding: Decoding) -> _Preset:
    if decoding.chain is not None:
        selector = decoding.selector or DEFAULT_SELECTOR
        preset = _Preset("+".join((*decoding.chain, selector)), decoding.chain, selector, {}, "chain")
    else:
        preset = _named_preset(plugins, decoding.strategy or DEFAULT_STRATEGY)
    names = [name.rpartition(":")[2] for name in preset.chain]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FaultsError([Fault((preset.key,), f"{', '.join(twice)} stands more than once in {preset.label}")])
    return preset


def _named_preset(plugins: PluginManager, name: str) -> _Preset:
    """A strategy of that name, or else the lone transform of that name with the usual ones before it."""
    if not _is_offered(plugins, "strategy", name) and _is_offered(plugins, "transform", name):
        before = [other for other in _BEFORE_A_LONE_TRANSFORM if other != name.rpartition(":")[2]]
        return _Preset(name, (*before, name), DEFAULT_SELECTOR, {}, "strategy")
    offer = _find(plugins, "strategy", name, "strategy")
    strategy = plugins.resolve("strategy", name).load(Strategy)
    preset = _Preset(name, tuple(strategy.chain), strategy.selector, dict(strategy.defaults), "strategy")
    known = {key for part in preset.chain for key in _option_fields(_find(plugins, "transform", part, "strategy"))}
    stray = sorted(set(preset.defaults) - known)
    if stray:
        raise FaultsError([Fault(("strategy",), f"{offer.label} sets {', '.join(stray)}, which no part of it has")])
    return preset


def _is_offered(plugins: PluginManager, kind: str, name: str) -> bool:
    return any(
        name in (offer.component.name, f"{offer.package}:{offer.component.name}") for offer in plugins.offers(kind)
    )


def _find(plugins: PluginManager, kind: str, name: str, key: str) -> Offer:
    try:
        return plugins.find(kind, name)
    except PluginError as error:
        advice = ""
        if kind == "strategy" and not _is_offered(plugins, kind, name):
            transforms = ", ".join(sorted({offer.component.name for offer in plugins.offers("transform")}))
            advice = f" One transform can be named too: {transforms}."
        raise FaultsError([Fault((key,), f"{error}{advice}")]) from error


def _option_fields(offer: Offer) -> dict[str, FieldInfo]:
    model = offer.options_model()
    return {} if model is None else {field.alias or name: field for name, field in model.model_fields.items()}


def _owners(offers: Sequence[Offer], preset: _Preset) -> dict[str, Offer]:
    """Which transform of the chain each option belongs to."""
    owners: dict[str, Offer] = {}
    for offer in offers:
        for key in _option_fields(offer):
            if key in Decoding.model_fields:
                message = f"{offer.label} has an option {key!r}, which is a key of `decoding` itself"
                raise FaultsError([Fault((preset.key,), message)])
            if key in owners:
                message = f"{owners[key].label} and {offer.label} both have an option {key!r}; use one of the two"
                raise FaultsError([Fault((preset.key,), message)])
            owners[key] = offer
    return owners


def _resolve_transform(
    plugins: PluginManager, name: str, offer: Offer, options: Mapping[str, object]
) -> ResolvedComponent:
    """The transform with its options, which must be numbers."""
    fields = _option_fields(offer)
    faults = [fault for key, value in options.items() for fault in _fault_of_type(key, value, fields[key])]
    if faults:
        raise FaultsError(faults)
    try:
        return plugins.resolve("transform", name, options)
    except ValidationError as error:
        model = offer.options_model()
        assert model is not None
        raise FaultsError(faults_of(error, model, options)) from None


def _fault_of_type(key: str, value: object, field: FieldInfo) -> list[Fault]:
    """Options of transforms are numbers, and switches are no numbers, though Python would take them for some."""
    if field.annotation is bool:
        return [] if isinstance(value, bool) else [Fault((key,), f"must be true or false, got {written(value)}")]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [Fault((key,), f"must be a number, got {written(value)}")]
    return []


def _number(component: ResolvedComponent, key: str) -> float:
    value = component.options[key]
    if not isinstance(value, int | float):
        raise PluginError(
            f"transform {component.name!r} of {component.package}: its option {key!r} is {value!r}; "
            "an option of a transform must be a number"
        )
    return value


def _not_in_chain(plugins: PluginManager, key: str, preset: _Preset) -> str:
    """Why a key has no effect: it belongs to a transform that is not in the chain, or nobody knows it."""
    known = set(Decoding.model_fields)
    for offer in sorted(plugins.offers("transform"), key=lambda offer: offer.component.name != key):
        try:
            names = _option_fields(offer)
        except PluginError:  # a broken transform that nobody asked for must not hide the mistake that is told here
            continue
        if key in names:
            chain = ", ".join((*preset.chain, offer.component.name))
            how = "set the order yourself instead of a strategy" if preset.key == "strategy" else "add it"
            return f"has no effect with {preset.label}; leave it out, or {how}: `chain: [{chain}]`"
        known.update(names)
    return unknown_key(key, known)
