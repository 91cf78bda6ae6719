"""A choice that has been made: the component, its package and its options, ready to be sent to another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from zaoju.errors import PluginError, UserError
from zaoju.plugins.foreign import blaming, describe, import_target, prints_to_stderr
from zaoju.plugins.offers import options_model

if TYPE_CHECKING:
    from zaoju.contracts import Options

T = TypeVar("T")

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True, slots=True)
class ResolvedComponent:
    """One component with its validated options.

    It holds no plugin manager, only names and plain values, so a worker process can unpickle it and build from it.
    """

    kind: str
    name: str
    package: str
    version: str
    target: str
    options_target: str | None
    options: Mapping[str, JSON]
    """Every option that the component has, defaults filled in."""

    def load(self, expected: type[T]) -> type[T]:
        """Import the component's class.

        Raises `PluginError` naming the package where it cannot be imported or is not a subclass of `expected`.
        """
        with prints_to_stderr(), blaming(f"{self.label}: {self.target} cannot be imported"):
            found = import_target(self.target)
        if not isinstance(found, type) or not issubclass(found, expected):
            raise PluginError(f"{self.label}: {self.target} is not a subclass of {expected.__name__}")
        return found

    def build(self, expected: type[T]) -> T:
        """A new instance, made with its options; of kinds that take options (readers, segmenters, trainers, ...).

        A component without an option model gets an empty `Options`. Raises what `load` raises, and `PluginError` naming
        the package where the constructor fails, unless it raises a `UserError` of its own.
        """
        return self._construct(expected, self.option_values())

    def option_values(self) -> Options:
        """The options as an instance of the component's model; an empty `Options` where it has none.

        Raises `PluginError` naming the package where they do not fit.
        """
        from zaoju.contracts import Options  # pydantic, wanted only where a component is really used

        model = Options if self.options_target is None else options_model(self.label, self.options_target)
        with blaming(f"{self.label}: the options {dict(self.options)} do not fit {self.options_target}"):
            return model.model_validate(self.options)

    def create(self, expected: type[T]) -> T:
        """A new instance, made without arguments; of kinds that take none (transforms, selectors).

        Raises what `build` raises.
        """
        return self._construct(expected)

    def identity(self) -> dict[str, object]:
        """What an artefact records of this choice, and what decides whether a stage must be done again."""
        return {
            "kind": self.kind,
            "name": self.name,
            "package": self.package,
            "version": self.version,
            "options": dict(self.options),
        }

    def paths(self) -> dict[str, Path]:
        """The files and folders that options name, by the option: those that its model declares as a `Path`.

        Raises what `option_values` raises.
        """
        if self.options_target is None:
            return {}
        return {name: value for name, value in self.option_values() if isinstance(value, Path)}

    def _construct(self, expected: type[T], *arguments: object) -> T:
        constructor = cast("Callable[..., T]", self.load(expected))
        try:
            return constructor(*arguments)
        except UserError:
            raise
        except Exception as error:
            raise PluginError(f"{self.label}: {self.target} cannot be built: {describe(error)}") from error

    @property
    def label(self) -> str:
        """The component in a sentence: its kind, its name and its package."""
        return f"{self.kind} {self.name!r} of {self.package}"
