"""What is installed, as plain data: for listings, forms and reference pages."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Union, get_args, get_origin

from zaoju.errors import PluginError, did_you_mean
from zaoju.plugins import Offer, PluginManager

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class OptionDescription:
    """One option of a component."""

    name: str
    type: str
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class ComponentDescription:
    """One component, who offers it, and its options."""

    kind: str
    name: str
    package: str
    version: str
    target: str
    summary: str
    options: tuple[OptionDescription, ...]


def plugin_listing(plugins: PluginManager) -> dict[str, list[dict[str, object]]]:
    """All plugins with what became of them, and all components. Imports none of them."""
    return {
        "plugins": [
            {
                "name": info.name,
                "package": info.package,
                "version": info.version,
                "state": info.state,
                "seconds": info.seconds,
                "detail": info.detail,
            }
            for info in plugins.infos
        ],
        "components": [
            {
                "kind": offer.kind,
                "name": offer.component.name,
                "plugin": f"{offer.package}:{offer.plugin}",
                "summary": offer.component.summary,
            }
            for offer in plugins.offers()
        ],
    }


def describe_component(name: str, plugins: PluginManager) -> list[ComponentDescription]:
    """Every component called `name`, or the one called `kind/name`. Imports only option models.

    Raises `PluginError` where nothing is called so.
    """
    found = [offer for offer in plugins.offers() if name in (offer.component.name, offer.address)]
    if not found:
        known = {offer.component.name for offer in plugins.offers()}
        raise PluginError(
            f"nothing installed is called {name!r} (`zaoju plugins` lists all){did_you_mean(name, known)}"
        )
    return [_describe(offer) for offer in found]


def _describe(offer: Offer) -> ComponentDescription:
    model = offer.options_model()
    fields = {} if model is None else model.model_fields
    return ComponentDescription(
        kind=offer.kind,
        name=offer.component.name,
        package=offer.package,
        version=offer.version,
        target=offer.component.target,
        summary=offer.component.summary,
        options=tuple(_option(field.alias or name, field) for name, field in fields.items()),
    )


def _option(name: str, field: FieldInfo) -> OptionDescription:
    plain = _type_name(field.annotation)
    default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
    return OptionDescription(name, plain, default, field.description or "")


def _type_name(annotation: object) -> str:
    """A type as a user would say it, without what pydantic checks beyond it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(inner[0])
    if origin in (Union, UnionType):
        return " | ".join(map(_type_name, inner))
    if origin in (list, tuple, dict, set):
        return f"{origin.__name__}[{', '.join(_type_name(one) for one in inner if one is not Ellipsis)}]"
    if annotation is NoneType:
        return "None"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
