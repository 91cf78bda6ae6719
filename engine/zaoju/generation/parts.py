"""The components of decoding of one engine, each made once and used by all its texts."""

from __future__ import annotations

import json
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING

from zaoju.contracts import Constraint, Matcher, ModelOpener, Proposer, Search, TokenTable
from zaoju.generation.chain import Chain
from zaoju.generation.faulty_parts import naming
from zaoju.generation.job import Job
from zaoju.generation.kept import Kept
from zaoju.generation.plain_task import PlainTask
from zaoju.generation.search_task import SearchTask
from zaoju.generation.shared_proposer import SharedProposer
from zaoju.generation.task import Task

if TYPE_CHECKING:
    from zaoju.config import DecodingPlan
    from zaoju.plugins import ResolvedComponent

_MOST_CHAINS = 256
_MOST_CONSTRAINTS = 64
"""A service may get another JSON schema with every request."""

_MOST_PROPOSERS = 4
"""Each may hold a model of its own."""


class DecodingParts:
    """Chains, proposers and constraints by what they are made from; of many, the last ones that were asked for.

    Every method may be called from any thread.
    """

    def __init__(self, table: TokenTable, open_model: ModelOpener) -> None:
        self._table = table
        self._open_model = open_model
        self._chains = Kept[Chain](_MOST_CHAINS)
        self._proposers = Kept[SharedProposer](_MOST_PROPOSERS)
        self._beginnings = Kept[Matcher](_MOST_CONSTRAINTS)
        self._forking = threading.Lock()

    def chain(self, plan: DecodingPlan) -> Chain:
        """The chain of a plan."""
        return self._chains.get(Chain.key(plan), lambda: Chain(plan))

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

        return self._proposers.get(_key(component), make)

    def matcher(self, plan: DecodingPlan) -> Matcher | None:
        """The constraint of a plan, at its beginning. Raises `UserError` for one that cannot be."""
        component = plan.constraint
        if component is None:
            return None

        def make() -> Matcher:
            with naming(component):
                return component.build(Constraint).compile(self._table)

        beginning = self._beginnings.get(_key(component), make)
        with self._forking, naming(component):
            return beginning.fork()


def make_task(job: Job) -> Task:
    """How a job is written: by its search where it has one, else token by token."""
    return PlainTask(job) if job.plan.search is None else SearchTask(job, job.plan.search.build(Search))


def _key(component: ResolvedComponent) -> Hashable:
    # In the order in which they were written: that of a schema's properties means something.
    return component.target, json.dumps(dict(component.options))
