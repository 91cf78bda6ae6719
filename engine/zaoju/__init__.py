"""zaoju (造句): a text-generation engine in which every stage is a plugin.

Importing this package loads nothing heavy: each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaoju.component import Component
    from zaoju.contracts import (
        Cleaner,
        Document,
        Dropped,
        Event,
        EventSink,
        KnownSource,
        Options,
        Problem,
        Reader,
        Runner,
        Segmenter,
        Selector,
        StepContext,
        Strategy,
        Trainer,
        TrainingRun,
        Transform,
        VocabularyBuilder,
    )
    from zaoju.errors import (
        ArtefactError,
        Cancelled,
        ConfigError,
        CorpusError,
        PluginError,
        UserError,
    )
    from zaoju.hookspecs import hookimpl

_HOMES = {
    "zaoju.component": ("Component",),
    "zaoju.contracts": (
        "Cleaner",
        "Document",
        "Dropped",
        "Event",
        "EventSink",
        "KnownSource",
        "Options",
        "Problem",
        "Reader",
        "Runner",
        "Segmenter",
        "Selector",
        "StepContext",
        "Strategy",
        "Trainer",
        "TrainingRun",
        "Transform",
        "VocabularyBuilder",
    ),
    "zaoju.errors": ("ArtefactError", "Cancelled", "ConfigError", "CorpusError", "PluginError", "UserError"),
    "zaoju.hookspecs": ("hookimpl",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name == "__version__":
        return version("zaoju")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'zaoju' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
