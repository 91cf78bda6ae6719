"""The kit for searches."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import ClassVar

from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.contracts import Options, Search
from zaoju.plugins import PluginManager
from zaoju.testing.component import ComponentContract
from zaoju.testing.engines import decoding_engine
from zaoju.testing.in_company import check_in_company, check_with_anything, requests_of
from zaoju.testing.requirements import pytest
from zaoju.testing.search_trial import END_OF_TEXT, WIDTH, Scene, Trial

_EVERY = frozenset(range(WIDTH))
_TEXT = _EVERY - {END_OF_TEXT, 3}

Trials = list[Trial]


class SearchContract(ComponentContract):
    """Checks a `zaoju.Search`: it keeps to its width, comes to an end, and takes nothing that is not there.

    ```python
    class TestMySearch(SearchContract):
        component = "my_search"
        options = MySearchOptions(width=3)
    ```
    """

    kind = "search"

    needs: ClassVar[frozenset[str]] = frozenset({"selector", "hidden"})
    """With `make`: what the `Component` says in `needs`. With `component`, the registration says it."""

    @pytest.fixture(scope="class")
    @classmethod
    def trials(cls) -> Trials:
        """One run in each scene: many tokens or one, soon at an end or never, all alike."""
        return [cls._trial(scene) for scene in _scenes()]

    def test_it_keeps_to_its_width(self, trials: Trials) -> None:
        """`width` stays the same, and there are never more live rows."""
        _check("width", trials)

    def test_rows_and_tokens_exist(self, trials: Trials) -> None:
        """A token for each new row; parents are live rows, tokens are below V."""
        _check("range", trials)

    def test_a_removed_token_is_never_taken(self, trials: Trials) -> None:
        """Not even where fewer are left than the search is wide."""
        _check("removed", trials)

    def test_what_has_ended_does_not_go_on(self, trials: Trials) -> None:
        """A token for which `context.ends` is the last of its text."""
        _check("ended", trials)

    def test_it_comes_to_an_end(self, trials: Trials) -> None:
        """For every room: at 0 it is done at the latest, with a whole text."""
        _check("end", trials)

    def test_scores_are_numbers(self, trials: Trials) -> None:
        """The best text is that with the highest score, so NaN and infinities rank nothing."""
        _check("score", trials)

    def test_logits_are_not_changed(self, trials: Trials) -> None:
        """Neither `step` nor `mix` writes to what it is given."""
        _check("input", trials)

    def test_mixed_logits_can_be_used(self, trials: Trials) -> None:
        """[W, V] float32, as they came."""
        _check("mix", trials)

    def test_its_needs_are_named(self, trials: Trials) -> None:
        """Who calls the selector or looks at hidden states says so, or a model without them would be taken."""
        _check("needs", trials)

    def test_the_same_again(self, trials: Trials) -> None:
        """From the same logits a new object makes the same steps: random numbers come from the context."""
        for trial in trials:
            again = self._trial(trial.scene)
            same = (again.steps, again.whole) == (trial.steps, trial.whole)
            assert same, f"the second search found {again.whole[:1]} instead of {trial.whole[:1]}: {trial.scene.name}"

    def test_two_searches_do_not_disturb_one_another(self, trials: Trials) -> None:
        """Each request has its own object, and they go on in turn."""
        others = [self._made(trial.scene) for trial in trials]
        for _ in zip_longest(*(other.go() for other in others)):
            pass
        for trial, other in zip(trials, others, strict=True):
            assert other.steps == trial.steps, f"among other searches it went another way: {trial.scene.name}"

    def test_a_text_is_the_same_in_any_company(self) -> None:
        """In an engine: alone, in batches and streamed, and under a constraint that allows everything."""
        engine = decoding_engine(context_length=40)
        plan = self._plan()
        nucleus = resolve_decoding(engine.plugins, {"strategy": "nucleus"})
        requests = requests_of([plan, nucleus, replace(plan, stop=("我", "的"))])
        check_with_anything(engine, requests, check_in_company(engine, requests))

    @classmethod
    def _plan(cls) -> DecodingPlan:
        """The search after a temperature."""
        plugins, resolved = PluginManager.discover(), cls.resolved()
        if cls.component is not None:
            return resolve_decoding(plugins, {"chain": ["temperature"], "search": cls.component, **resolved.options})
        plan = resolve_decoding(plugins, {"chain": ["temperature"]})
        return replace(
            plan,
            search=resolved,
            selector=plan.selector if "selector" in cls.needs else None,
            options={**plan.options, **resolved.options},
            needs={cls.resolved().name: cls.needs - {"selector"}},
        )

    @classmethod
    def _made(cls, scene: Scene) -> Trial:
        needs = cls.needs if cls.component is None else cls.offer().component.needs
        search: Search[Options] = cls.build(Search)
        return Trial(search, scene, needs)

    @classmethod
    def _trial(cls, scene: Scene) -> Trial:
        return cls._made(scene).run()


def _scenes() -> list[Scene]:
    laws = {
        "an ordinary text": lambda index: _EVERY,
        "a text that never ends": lambda index: _TEXT,
        "two tokens are left": lambda index: frozenset({5, 7}),
        "one token is left, the second time": lambda index: frozenset({5}) if index == 1 else _EVERY,
        "at once nothing but the end": lambda index: frozenset({END_OF_TEXT}),
        "nothing but the end at last": lambda index: frozenset({END_OF_TEXT}) if index == 2 else _TEXT,
        "a stop string": lambda index: frozenset({3 + index % 2}),
    }
    scenes = [Scene(name, room, allowed) for name, allowed in laws.items() for room in (1, 2, 3, 9)]
    return [*scenes, *(Scene("all logits are equal", room, lambda index: _EVERY, spread=0.0) for room in (1, 5))]


def _check(rule: str, trials: Trials) -> None:
    broken = [trial.faults[rule] for trial in trials if rule in trial.faults]
    assert not broken, f"{broken[0]}; so in {len(broken)} of {len(trials)} runs"
