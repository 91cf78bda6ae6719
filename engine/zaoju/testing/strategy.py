"""The kit for strategies."""

from __future__ import annotations

from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.contracts import Strategy
from zaoju.plugins import PluginManager
from zaoju.testing.component import ComponentContract
from zaoju.testing.engines import decoding_engine
from zaoju.testing.in_company import check_everywhere, check_in_company, check_with_anything, requests_of
from zaoju.testing.requirements import pytest


class StrategyContract(ComponentContract):
    """Checks a `zaoju.Strategy`: its parts exist, its defaults are theirs, and it writes.

    ```python
    class TestMyMixture(StrategyContract):
        component = "my_mixture"
    ```
    """

    kind = "strategy"

    @pytest.fixture(scope="class")
    @classmethod
    def strategy(cls) -> type[Strategy]:
        """The strategy that is checked."""
        return cls.resolved().load(Strategy)

    @pytest.fixture(scope="class")
    @classmethod
    def plan(cls, strategy: type[Strategy]) -> DecodingPlan:
        """What comes of it where a user writes nothing more."""
        plugins = PluginManager.discover()
        if cls.component is not None:
            return resolve_decoding(plugins, {"strategy": cls.component})
        named: dict[str, object] = {"chain": list(strategy.chain), **strategy.defaults}
        if strategy.search is None:
            named["selector"] = strategy.selector
        else:
            named["search"] = strategy.search
        return resolve_decoding(plugins, named)

    def test_its_parts_are_installed(self, strategy: type[Strategy]) -> None:
        """Every name in `chain`, the selector and the search; no transform twice."""
        plugins = PluginManager.discover()
        named = [*(("transform", name) for name in strategy.chain), ("selector", strategy.selector)]
        named += [("search", strategy.search)] if strategy.search is not None else []
        for kind, name in named:
            plugins.find(kind, name)
        assert len(set(strategy.chain)) == len(strategy.chain), f"a transform stands twice in {list(strategy.chain)}"

    def test_its_defaults_belong_to_its_parts(self, strategy: type[Strategy], plan: DecodingPlan) -> None:
        """And are what a text is written with where the user says nothing."""
        assert [part.name for part in plan.chain] == [name.rpartition(":")[2] for name in strategy.chain], (
            "the chain is another one in the plan"
        )
        kept = {name: plan.options.get(name) for name in strategy.defaults}
        assert kept == dict(strategy.defaults), f"the defaults {dict(strategy.defaults)} came to be {kept}"

    def test_a_text_is_the_same_in_any_company(self, plan: DecodingPlan) -> None:
        """In an engine: alone, in batches, streamed, under a constraint that allows everything, with drafts."""
        engine = decoding_engine(context_length=60, memory=1)
        requests = requests_of([plan, plan, plan])
        if plan.search is None:
            check_everywhere(engine, requests)
        else:
            check_with_anything(engine, requests, check_in_company(engine, requests))
