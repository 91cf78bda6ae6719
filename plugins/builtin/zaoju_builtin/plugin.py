"""The builtin plugin: every builtin component, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component, hookimpl
from zaoju_builtin.cleaners.components import cleaners
from zaoju_builtin.decoding.constraints.components import constraints
from zaoju_builtin.decoding.proposers.components import proposers
from zaoju_builtin.decoding.searches.components import searches
from zaoju_builtin.decoding.selectors.components import selectors
from zaoju_builtin.decoding.strategies.components import strategies
from zaoju_builtin.decoding.transforms.components import transforms
from zaoju_builtin.executors.components import executors
from zaoju_builtin.initialisers.components import initialisers
from zaoju_builtin.readers.components import readers
from zaoju_builtin.segmenters.components import segmenters
from zaoju_builtin.trackers.components import trackers
from zaoju_builtin.trainers.components import trainers
from zaoju_builtin.vocabularies.components import vocabularies

ZAOJU_CONTRACT = 1


@hookimpl
def zaoju_readers() -> list[Component]:
    return readers()


@hookimpl
def zaoju_cleaners() -> list[Component]:
    return cleaners()


@hookimpl
def zaoju_executors() -> list[Component]:
    return executors()


@hookimpl
def zaoju_segmenters() -> list[Component]:
    return segmenters()


@hookimpl
def zaoju_vocabularies() -> list[Component]:
    return vocabularies()


@hookimpl
def zaoju_initialisers() -> list[Component]:
    return initialisers()


@hookimpl
def zaoju_trainers() -> list[Component]:
    return trainers()


@hookimpl
def zaoju_trackers() -> list[Component]:
    return trackers()


@hookimpl
def zaoju_runners() -> list[Component]:
    return [
        Component(
            "lean",
            "zaoju.generation:LeanRunner",
            options="zaoju.generation:LeanRunnerOptions",
            summary="Folders of the GPT-2 and Llama families, with the engine's own modules",
        ),
        Component(
            "transformers",
            "zaoju.generation:TransformersRunner",
            summary="Any causal language model that transformers can load",
        ),
    ]


@hookimpl
def zaoju_transforms() -> list[Component]:
    return transforms()


@hookimpl
def zaoju_selectors() -> list[Component]:
    return selectors()


@hookimpl
def zaoju_strategies() -> list[Component]:
    return strategies()


@hookimpl
def zaoju_searches() -> list[Component]:
    return searches()


@hookimpl
def zaoju_proposers() -> list[Component]:
    return proposers()


@hookimpl
def zaoju_constraints() -> list[Component]:
    return constraints()
