"""From decoding settings to a plan: which transforms, in which order, who chooses, with which options.

Nothing that the user writes is dropped, and nothing acts that the plan does not list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from zaoju.config.faults import Fault, FaultsError, tell
from zaoju.config.paths import with_absolute_paths
from zaoju.config.plan import DecodingPlan
from zaoju.config.preset import Preset, find_offer, option_fields, preset_of
from zaoju.config.schema import Choice, Decoding
from zaoju.config.wording import faults_of, unknown_key, written
from zaoju.errors import PluginError, UserError
from zaoju.plugins import Offer, PluginManager, ResolvedComponent

_TOO_LARGE = 2**63
"""A column of a tensor holds whole numbers of 64 bits."""

_ASKS_THE_SELECTOR = "selector"
"""What a search names in `Component.needs` where it calls the selector."""


def resolve_decoding(plugins: PluginManager, settings: Mapping[str, object]) -> DecodingPlan:
    """The plan for settings such as `{"strategy": "nucleus", "top_p": 0.9}`; the keys are those of `decoding`.

    Imports neither torch nor any component, only option models. Raises `UserError` with everything that is wrong, one
    line each, such as `top_p: must be <= 1, got 1.5`.
    """
    try:
        try:
            decoding = Decoding.model_validate(settings)
        except ValidationError as error:
            raise FaultsError(faults_of(error, Decoding, settings)) from None
        return plan_decoding(plugins, decoding, Path.cwd())
    except FaultsError as error:
        raise UserError(tell(error.faults, lambda path: "")) from None


def plan_decoding(plugins: PluginManager, decoding: Decoding, folder: Path) -> DecodingPlan:
    """The plan for a validated `decoding` section; its relative paths start at `folder`.

    Raises `FaultsError` with key paths below that section.
    """
    preset = preset_of(plugins, decoding)
    offers = preset.offers(plugins)
    owners = _owners(offers, preset)
    faults = [
        Fault((key,), _not_in_chain(plugins, key, preset, owners)) for key in decoding.options if key not in owners
    ]
    parts: list[ResolvedComponent] = []
    for offer in offers:
        given = {key: value for key, value in decoding.options.items() if owners.get(key) is offer}
        start = {key: value for key, value in preset.defaults.items() if owners[key] is offer}
        try:
            parts.append(_resolve(plugins, offer, {**start, **given}, folder))
        except FaultsError as error:
            faults.extend(error.faults)
    asks_selector = _check_who_chooses(plugins, decoding, preset, faults)
    extras = {
        kind: _resolve_choice(plugins, kind, choice, folder, faults)
        for kind, choice in (("proposer", decoding.proposer), ("constraint", decoding.constraint))
    }
    if faults:
        raise FaultsError(faults)
    used = [*offers, *(plugins.find(part.kind, f"{part.package}:{part.name}") for part in extras.values() if part)]
    return DecodingPlan(
        strategy=preset.name,
        chain=tuple(part for part in parts if part.kind == "transform"),
        selector=plugins.resolve("selector", preset.selector) if asks_selector else None,
        search=next((part for part in parts if part.kind == "search"), None),
        proposer=extras["proposer"],
        constraint=extras["constraint"],
        options={key: value for part in parts for key, value in part.options.items()},
        needs={offer.component.name: needs for offer in used if (needs := _needs(offer))},
        token_healing=decoding.token_healing,
        max_new_tokens=decoding.max_new_tokens,
        stop=decoding.stop,
        seed=decoding.seed,
        logprobs=decoding.logprobs,
    )


def _needs(offer: Offer) -> frozenset[str]:
    """What a component asks of the model and its vocabulary."""
    rewinds = {"rewind"} if offer.kind == "proposer" else set()
    return (offer.component.needs | rewinds) - {_ASKS_THE_SELECTOR}


def _check_who_chooses(plugins: PluginManager, decoding: Decoding, preset: Preset, faults: list[Fault]) -> bool:
    """Whether the selector is asked; what the user wrote beside a search in vain is a fault."""
    find_offer(plugins, "selector", preset.selector, preset.selector_key)
    if preset.search is None:
        return True
    offer = preset.search_offer(plugins, preset.search)
    asks = _ASKS_THE_SELECTOR in offer.component.needs
    if decoding.selector is not None and not asks:
        message = f"has no effect with the search {preset.search!r}, which chooses by itself; leave it out"
        faults.append(Fault(("selector",), message))
    if decoding.proposer is not None:
        message = f"does not go together with the search {preset.search!r}: drafts serve one text at a time; keep one"
        faults.append(Fault(("proposer",), message))
    return asks


def _resolve_choice(
    plugins: PluginManager, kind: str, choice: Choice | None, folder: Path, faults: list[Fault]
) -> ResolvedComponent | None:
    """A component that is chosen with options of its own; None where none is, or something is wrong with it."""
    if choice is None:
        return None
    try:
        return _resolve(plugins, find_offer(plugins, kind, choice.name, kind), choice.options, folder)
    except FaultsError as error:
        faults += [fault if fault.path == (kind,) else fault.below((kind,)) for fault in error.faults]
    except PluginError as error:
        faults.append(Fault((kind,), str(error)))
    return None


def _owners(offers: Sequence[Offer], preset: Preset) -> dict[str, Offer]:
    """Which transform or search each option belongs to."""
    owners: dict[str, Offer] = {}
    for offer in offers:
        for key in option_fields(offer):
            if key in Decoding.model_fields:
                message = f"{offer.label} has an option {key!r}, which is a key of `decoding` itself"
                raise FaultsError([Fault((preset.key,), message)])
            if key in owners:
                message = f"{owners[key].label} and {offer.label} both have an option {key!r}; use one of the two"
                raise FaultsError([Fault((preset.key,), message)])
            owners[key] = offer
    return owners


def _resolve(plugins: PluginManager, offer: Offer, options: Mapping[str, object], folder: Path) -> ResolvedComponent:
    """The component with its options."""
    fields = option_fields(offer)
    faults = [
        fault for key, value in options.items() if key in fields for fault in _fault_of_type(key, value, fields[key])
    ]
    if faults:
        raise FaultsError(faults)
    model = offer.options_model()
    given = options if model is None else with_absolute_paths(model, options, folder)
    try:
        return plugins.resolve(offer.kind, f"{offer.package}:{offer.component.name}", given)
    except ValidationError as error:
        assert model is not None
        raise FaultsError(faults_of(error, model, {**given, **options})) from None


def _fault_of_type(key: str, value: object, field: FieldInfo) -> list[Fault]:
    """A switch is no number, though Python would take it for one, and text is none either."""
    if field.annotation is bool:
        return [] if isinstance(value, bool) else [Fault((key,), f"must be true or false, got {written(value)}")]
    if field.annotation in (int, float) and (isinstance(value, bool) or not isinstance(value, int | float)):
        return [Fault((key,), f"must be a number, got {written(value)}")]
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        return [Fault((key,), f"must be smaller than 2^63, got {written(value)}")]
    return []


def _not_in_chain(plugins: PluginManager, key: str, preset: Preset, acting: Iterable[str]) -> str:
    """Why a key has no effect: it belongs to a component that does not act here, or nobody knows it."""
    elsewhere: set[str] = set()
    candidates = [*plugins.offers("transform"), *plugins.offers("search")]
    for offer in sorted(candidates, key=lambda offer: offer.component.name != key):
        try:
            names = option_fields(offer)
        except PluginError:  # a broken transform that nobody asked for must not hide the mistake that is told here
            continue
        if key in names and offer.kind == "search":
            return f"has no effect with {preset.label}; leave it out, or write `strategy: {offer.component.name}`"
        if key in names:
            chain = ", ".join((*preset.chain, offer.component.name))
            how = "set the order yourself instead of a strategy" if preset.key == "strategy" else "add it"
            return f"has no effect with {preset.label}; leave it out, or {how}: `chain: [{chain}]`"
        elsewhere.update(names)
    return unknown_key(key, {*Decoding.model_fields, *acting}, elsewhere)
