"""What holds for every builtin search, however the text runs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_driver import HashModel, Task, run

from zaoju.config import resolve_decoding
from zaoju.contracts import Search, SearchContext
from zaoju.plugins import PluginManager
from zaoju_builtin.decoding.selectors.sample import Sample

SEARCHES: dict[str, dict[str, object]] = {
    "beam": {"beams": 3},
    "diverse_beam": {"beams": 4, "beam_groups": 2},
    "contrastive": {"contrastive_top_k": 3},
    "best_of_n": {"best_of": 3},
    "guidance": {"guidance_scale": 2.0, "negative_prompt": "不"},
}
each = pytest.mark.parametrize("name", SEARCHES)


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


def make(plugins: PluginManager, name: str, **options: object) -> Search:
    return plugins.resolve("search", name, {**SEARCHES[name], **options}).build(Search)


def test_all_builtin_searches_are_here(plugins: PluginManager) -> None:
    assert {offer.component.name for offer in plugins.offers("search")} == set(SEARCHES)


@each
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    model=st.builds(
        HashModel,
        vocabulary_size=st.integers(1, 12),
        spread=st.sampled_from([0.0, 2.0, 40.0]),
        seed=st.integers(0, 10**6),
        coarse=st.booleans(),
    ),
    room=st.integers(1, 9),
    end=st.integers(-1, 2),
    stops=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), max_size=3),
    seed=st.integers(0, 100),
    removed=st.integers(0, 11),
)
def test_it_ends_with_a_text_and_keeps_its_width(
    plugins: PluginManager,
    name: str,
    model: HashModel,
    room: int,
    end: int,
    stops: list[tuple[int, ...]],
    seed: int,
    removed: int,
) -> None:
    """The driver checks each step; twice the same task gives the same."""

    def chain(logits: torch.Tensor) -> torch.Tensor:
        columns = torch.arange(min(removed, logits.shape[1] - 1))
        return logits.index_fill(1, columns, float("-inf"))

    task = Task(model, room, (1,), {"不": (2, 2)}, end, stops, seed, Sample(), chain)
    found = run(make(plugins, name), task)
    assert found == run(make(plugins, name), task)
    assert found.score == max(found.whole.values()) and found.steps <= room + (name == "contrastive")


@each
def test_without_room_the_text_is_empty(plugins: PluginManager, name: str) -> None:
    found = run(make(plugins, name), Task(HashModel(5), 0, other_prompts={"不": (2,)}))
    assert found.whole == {(): 0.0} and found.steps == 1


@each
def test_rows_that_suddenly_have_no_room_are_whole_as_they_are(plugins: PluginManager, name: str) -> None:
    """A model whose context is full says so only then."""
    search = make(plugins, name)
    task = Task(HashModel(7), 9, end=-1, other_prompts={"不": (2,)})
    rows: list[tuple[int, ...]] = [()] * len(search.begin())

    def context(room: int) -> SearchContext:
        return SearchContext(
            index=len(rows[0]),
            room=room,
            tokens=rows,
            raw=task.model.logits([(1, *row) for row in rows]),
            end_of_text=-1,
            ends=lambda row, token: False,
            select=lambda logits: logits.argmax(dim=1),
            random=lambda stream: torch.full((len(rows),), 0.5, dtype=torch.float64),
            hidden=lambda row: task.model.hidden((1, *rows[row])),
        )

    for room in (9, 8, 7):
        before = context(room)
        step = search.step(before.raw, before)
        rows = [(*rows[row], token) for row, token in zip(step.rows, step.tokens, strict=True)]
    last = context(0)
    step = search.step(last.raw, last)
    assert step.done and not step.rows and step.finished
    assert all(text.token is None and text.row < len(rows) for text in step.finished)
    if name not in ("contrastive", "guidance"):
        assert [text.row for text in step.finished] == list(range(len(rows)))
        assert all(text.score < 0 for text in step.finished), "each has the score of its three tokens"


@each
def test_a_strategy_of_that_name_writes_with_it(plugins: PluginManager, name: str) -> None:
    plan = resolve_decoding(plugins, {"strategy": name, **SEARCHES[name]})
    assert plan.search is not None and plan.search.name == name
    assert (plan.selector is None) == (name not in ("best_of_n", "guidance"))
    assert plan.keeps_hidden == (name == "contrastive")
