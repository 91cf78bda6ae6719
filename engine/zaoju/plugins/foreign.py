"""Running code that is not ours: its imports, its output and its errors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import reduce
from importlib import import_module

from zaoju.errors import PluginError

# `sys.stdout` belongs to the whole process, so threads that load plugins at the same time take turns.
_STANDARD_OUTPUT = threading.RLock()


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """What the code inside prints goes to standard error, because standard output carries results such as JSON."""
    with _STANDARD_OUTPUT, redirect_stdout(sys.stderr):
        yield


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Turn whatever the code inside raises into a `PluginError` that begins with `what` and ends with the cause.

    That includes `SystemExit`, and the panics of Rust extensions, which are no `Exception` either. Only Ctrl-C passes.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{what}: {describe(error)}") from error


def describe(error: BaseException) -> str:
    """The error's type and message on one line."""
    return ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))


def import_target(target: str) -> object:
    """What an import string `package.module:Name` means.

    Raises whatever the import raises, and `AttributeError` where the module has no such name.
    """
    module, _, name = target.partition(":")
    return reduce(getattr, name.split("."), import_module(module))
