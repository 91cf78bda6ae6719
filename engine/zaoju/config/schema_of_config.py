"""JSON Schema of the whole config with what is installed, so that an editor completes and checks `config.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from zaoju.config.schema import CHOICES, Config
from zaoju.contracts import Options
from zaoju.errors import PluginError
from zaoju.plugins import Offer, PluginManager

Schema: TypeAlias = "dict[str, object]"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(plugins: PluginManager) -> Schema:
    """A JSON Schema (2020-12) of `config.yaml`. Imports option models, and no component."""
    schema: Schema = {"$schema": _DIALECT, "title": "zaoju config", **Config.model_json_schema()}
    definitions = _mapping(schema["$defs"])
    for path, kind in CHOICES.items():
        place = schema
        for key in path[:-1]:
            place = _mapping(definitions[key.capitalize()])
        definitions[kind] = _choice(plugins.offers(kind), definitions)
        _point_to(_mapping(_mapping(place["properties"])[path[-1]]), kind)
    definitions.pop("Choice")
    definitions["Decoding"] = _decoding(plugins, _mapping(definitions["Decoding"]), definitions)
    strategies = _mapping(_mapping(_mapping(definitions["Evaluation"])["properties"])["strategies"])
    strategies["items"] = {
        "enum": _names(offer for kind in ("strategy", "transform", "search") for offer in plugins.offers(kind))
    }
    return schema


def _mapping(value: object) -> Schema:
    assert isinstance(value, dict)
    return value


def _point_to(field: Schema, kind: str) -> None:
    """Let a field that holds a choice, or a list of them, refer to the choices of its kind."""
    reference = f"#/$defs/{kind}"
    if field.get("type") == "array":
        field["items"] = {"$ref": reference}
    elif "anyOf" in field:
        field["anyOf"] = [{"$ref": reference}, {"type": "null"}]
    else:
        field["$ref"] = reference


def _choice(offers: Sequence[Offer], definitions: Schema) -> Schema:
    """A name, or a mapping with the name and the component's own options."""
    branches: list[Schema] = []
    bare = []
    for offer in offers:
        branch, needs_options = _component(offer, definitions)
        branches.append(branch)
        if not needs_options:
            bare.append(offer)
    return {"anyOf": [{"enum": _names(bare)}, *branches]}


def _component(offer: Offer, definitions: Schema) -> tuple[Schema, bool]:
    """The mapping that chooses one component, and whether some option must be given."""
    summary = offer.component.summary
    properties: Schema = {"name": {"enum": _names([offer])}}
    branch: Schema = {"type": "object", "title": offer.component.name, "description": summary, "required": ["name"]}
    try:
        model = offer.options_model()
    except PluginError as error:
        return {**branch, "description": f"{summary} ({error})", "properties": properties}, False
    required: list[object] = []
    if model is not None:
        options = _options(offer, model, definitions)
        properties.update(_mapping(options.get("properties", {})))
        names = options.get("required", [])
        assert isinstance(names, list)
        required = names
    branch |= {"properties": properties, "required": ["name", *required], "additionalProperties": False}
    return branch, bool(required)


def _options(offer: Offer, model: type[Options], definitions: Schema) -> Schema:
    """The schema of an option model; what it defines goes to `definitions` under names of its own."""
    prefix = f"{offer.kind}.{offer.package}.{offer.component.name}"
    schema: Schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for name, definition in _mapping(schema.pop("$defs", {})).items():
        definitions[f"{prefix}.{name}"] = definition
    return schema


def _decoding(plugins: PluginManager, section: Schema, definitions: Schema) -> Schema:
    """The section with the options of every installed transform and search."""
    transforms, searches = plugins.offers("transform"), plugins.offers("search")
    options: dict[str, list[object]] = {}
    for offer in (*transforms, *searches):
        branch, _ = _component(offer, definitions)
        for key, option in _mapping(branch["properties"]).items():
            if key != "name":
                options.setdefault(key, []).append(option)
    properties: Schema = {key: _one_of_several(found) for key, found in options.items()}
    properties |= _mapping(section["properties"])
    named = [*plugins.offers("strategy"), *transforms, *searches]
    properties["strategy"] = _optional(properties["strategy"], named)
    properties["selector"] = _optional(properties["selector"], plugins.offers("selector"))
    properties["search"] = _optional(properties["search"], searches)
    for kind in ("proposer", "constraint"):
        choice = _choice(plugins.offers(kind), definitions)
        properties[kind] = {**_mapping(properties[kind]), "anyOf": [choice, {"type": "null"}]}
    chain = {"type": "array", "items": {"enum": _names(transforms)}, "uniqueItems": True}
    properties["chain"] = {**_mapping(properties["chain"]), "anyOf": [chain, {"type": "null"}]}
    refused = [
        {"allOf": [_given("strategy"), _given("chain")]},
        {"allOf": [_given("selector"), {"not": _given("chain")}]},
        {"allOf": [_given("search"), {"not": _given("chain")}]},
    ]
    return {**section, "properties": properties, "additionalProperties": False, "not": {"anyOf": refused}}


def _given(key: str) -> Schema:
    """That a key is there and not empty."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _one_of_several(options: Sequence[object]) -> object:
    """The schema of an option that several transforms may have under one name."""
    if len(options) == 1:
        return options[0]
    descriptions = [str(_mapping(option).get("description", "")) for option in options]
    return {"description": " / ".join(descriptions), "anyOf": list(options)}


def _optional(field: object, offers: Iterable[Offer]) -> Schema:
    """A field that holds one of the names on offer, or nothing."""
    return {**_mapping(field), "anyOf": [{"enum": _names(offers)}, {"type": "null"}]}


def _names(offers: Iterable[Offer]) -> list[str]:
    """The short names, then the full names for whoever has two packages with the same one."""
    offers = list(offers)
    short = dict.fromkeys(offer.component.name for offer in offers)
    return [*short, *dict.fromkeys(f"{offer.package}:{offer.component.name}" for offer in offers)]
