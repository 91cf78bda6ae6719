"""Whose fault it is when a component of decoding fails in the middle of a text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zaoju.errors import PluginError, UserError
from zaoju.plugins import ResolvedComponent


@contextmanager
def naming(component: ResolvedComponent) -> Iterator[None]:
    """Turn what the component's code raises into a `PluginError` that names it, but for errors meant for the user.

    Memory that runs out is nobody's fault and passes as it is.
    """
    try:
        yield
    except (UserError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"decoding: {component.label} failed with {what}. Leave it out, or tell its author"
        raise PluginError(message) from error
