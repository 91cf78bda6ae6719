"""Which hooks a plugin implements, and whether it does so in a way that can work.

pluggy ignores a misspelled or unmarked hook and never passes an argument that has a default, so a plugin with such a
slip would be listed as loaded and do nothing. Each slip is an error here instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from zaoju import hookspecs
from zaoju.errors import PluginError, did_you_mean

_SPECIFICATION_MARK = f"{hookspecs.PROJECT}_spec"
_IMPLEMENTATION_MARK = f"{hookspecs.PROJECT}_impl"


@dataclass(frozen=True, slots=True)
class Implementation:
    """A plugin's function for one hook."""

    hook: str
    function: Callable[..., object]


def specified_hooks() -> dict[str, tuple[str, ...]]:
    """Every hook there is, with the names of its arguments."""
    return {
        name: tuple(inspect.signature(value).parameters)
        for name, value in vars(hookspecs).items()
        if hasattr(value, _SPECIFICATION_MARK)
    }


def implementations(module: ModuleType) -> list[Implementation]:
    """The hooks that `module` implements.

    Raises `PluginError` for the first one that is unknown, not marked, or that pluggy would not call as written.
    """
    specified = specified_hooks()
    found = []
    for name, value in vars(module).items():
        mark = getattr(value, _IMPLEMENTATION_MARK, None)
        if isinstance(mark, Mapping):
            hook = mark.get("specname") or name
            _check_name(hook, specified)
            _check_function(hook, value, mark)
            _check_arguments(hook, value, specified[hook])
            found.append(Implementation(hook, value))
        elif name.startswith("zaoju_") and inspect.isfunction(value):
            raise PluginError(
                f"{name} is not marked as a hook: put @hookimpl above it (from zaoju import hookimpl)"
                if name in specified
                else f"{name} is neither marked with @hookimpl nor a hook{did_you_mean(name, specified)}. "
                "Names that begin with zaoju_ are kept for hooks"
            )
    return found


def _check_name(hook: str, specified: Mapping[str, tuple[str, ...]]) -> None:
    if hook not in specified:
        raise PluginError(f"unknown hook {hook}{did_you_mean(hook, specified)}. Hooks: {', '.join(sorted(specified))}")


def _check_function(hook: str, value: object, mark: Mapping[str, object]) -> None:
    if not inspect.isroutine(value):
        raise PluginError(f"{hook} must be a function, and is a {type(value).__name__}")
    if mark.get("wrapper") or mark.get("hookwrapper"):
        raise PluginError(
            f"{hook} is marked as a wrapper; no hook of zaoju has a result to wrap: use a plain @hookimpl"
        )
    if inspect.iscoroutinefunction(value) or inspect.isgeneratorfunction(value) or inspect.isasyncgenfunction(value):
        raise PluginError(f"{hook} must be a plain function; one with `async` or `yield` would never run")


def _check_arguments(hook: str, function: Callable[..., object], specified: tuple[str, ...]) -> None:
    takes = f"{hook} may take {', '.join(specified)}" if specified else f"{hook} takes no arguments"
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            raise PluginError(f"{hook} has the argument {parameter}, which is never passed: arguments go by plain name")
        if name not in specified:
            raise PluginError(f"{hook} has an unknown argument {name}{did_you_mean(name, specified)}. {takes}")
        if parameter.default is not parameter.empty:
            raise PluginError(
                f"{hook} gives its argument {name} a default, and would never see the real value: drop it"
            )
