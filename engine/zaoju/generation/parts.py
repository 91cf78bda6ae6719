"""The components of decoding of one engine, each made once and used by all its texts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, TypeVar

from zaoju.contracts import Constraint, Matcher, ModelOpener, Proposer, Search, TokenTable
from zaoju.generation.chain import Chain
from zaoju.generation.faulty_parts import naming
from zaoju.generation.job import Job
from zaoju.generation.plain_task import PlainTask
from zaoju.generation.search_task import SearchTask
from zaoju.generation.shared_proposer import SharedProposer
from zaoju.generation.task import Task

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.plugins import ResolvedComponent

T = TypeVar("T")

_MOST_KEPT = 64
"""A service may get another JSON schema with every request."""


class DecodingParts:
    """Chains, proposers and constraints by what they are made from; of many, the last ones that were asked for.

    Every method may be called from any thread.
    """

    def __init__(self, table: TokenTable, open_model: ModelOpener) -> None:
        self._table = table
        self._open_model = open_model
        self._made: dict[Hashable, object] = {}
        self._lock = threading.Lock()

    def chain(self, plan: DecodingPlan) -> Chain:
        """The chain of a plan."""
        return self._once(Chain.key(plan), lambda: Chain(plan))

    def proposer(self, plan: DecodingPlan) -> SharedProposer | None:
        """The proposer of a plan, made ready. Raises `UserError` where it cannot serve the vocabulary."""
        component = plan.proposer
        if component is None:
            return None

        def make() -> SharedProposer:
            proposer = component.build(Proposer)
            with naming(component):
                proposer.open(self._table, self._open_model)
            return SharedProposer(proposer, component, self._table.size)

        return self._once(_key(component), make)

    def matcher(self, plan: DecodingPlan) -> Matcher | None:
        """The constraint of a plan, at its beginning. Raises `UserError` for one that cannot be."""
        component = plan.constraint
        if component is None:
            return None

        def make() -> Matcher:
            with naming(component):
                return component.build(Constraint).compile(self._table)

        beginning = self._once(_key(component), make)
        with self._lock, naming(component):
            return beginning.fork()

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            made: T = self._made.pop(key) if key in self._made else make()  # type: ignore[assignment]  # by its key
            self._made[key] = made
            if len(self._made) > _MOST_KEPT:
                del self._made[next(iter(self._made))]
            return made


def make_task(job: Job) -> Task:
    """How a job is written: by its search where it has one, else token by token."""
    return PlainTask(job) if job.plan.search is None else SearchTask(job, job.plan.search.build(Search))


def _key(component: ResolvedComponent) -> Hashable:
    return component.target, json.dumps(dict(component.options), sort_keys=True)
