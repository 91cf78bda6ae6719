"""Thousands of broken configs: each gives a plan or an error that names file, line and key; never a traceback."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.config import check, load_config
from zaoju.config.source import key_text
from zaoju.errors import UserError
from zaoju.plugins import PluginManager

GOOD = """\
run: runs/demo
seed: 1
device: auto
plugins: {block: [bad], prefer: {segmenter/jieba: zaoju}}
corpus:
  readers:
    - stories
    - {name: text, paths: [a, b]}
  cleaners: [basic]
  held_out: 0.02
tokenization:
  segmenter: jieba
  vocabulary: {name: words, size: 8000}
  live: false
model: {size: tiny, numbers: {n_layer: 2}}
trainer: {name: lean}
decoding:
  strategy: nucleus
  top_p: 0.9
  stop: ["。"]
evaluation: {prompts: [我想], strategies: [greedy, top_k]}
"""
TREE = yaml.safe_load(GOOD)
LINES = GOOD.splitlines()

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "none", "top_k", "zaoju:top_k", ":", "a:b", "nucleus", "~", "\0", "\ud800", "造句" * 40]),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "size", "paths", "x", "chain", "strategy", "top_k", ""]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)


def paths_of(tree: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, child in children for found in paths_of(child, (*path, key)))]


PATHS = paths_of(TREE)[1:]


def changed(tree: object, path: tuple[str | int, ...], value: object, renamed: str | None) -> object:
    if not path:
        return value
    if isinstance(tree, list):
        return [changed(item, path[1:], value, renamed) if at == path[0] else item for at, item in enumerate(tree)]
    assert isinstance(tree, dict)
    last = len(path) == 1 and renamed is not None
    return {
        (renamed if last and key == path[0] else key): (
            changed(item, path[1:], value, renamed) if key == path[0] and not last else item
        )
        for key, item in tree.items()
    }


@settings(deadline=None, derandomize=True, max_examples=1500)
@given(path=st.sampled_from(PATHS), value=VALUES, renamed=st.one_of(st.none(), st.text(max_size=8)))
def test_any_value_and_any_key_at_any_place(
    path: tuple[str | int, ...], value: object, renamed: str | None, more_plugins: PluginManager
) -> None:
    data = changed(TREE, path, value, renamed)
    assert isinstance(data, dict)
    try:
        check(load_config(None, data=data), more_plugins)
    except UserError as error:
        new = () if renamed is None else (key_text((renamed,)),)
        for line in str(error).split("\n"):
            assert line.startswith((str(path[0]), *new, "tokenization.", "decoding", "...", "the config")), line


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    at=st.integers(0, len(LINES) - 1),
    text=st.one_of(
        st.sampled_from(
            [*LINES, "", "  - x", "\t", "seed: 1", "  top_k: -3", "&a", "? :", "corpus: *a", "x: !!set {}"]
        ),
        st.text(alphabet="abc: -[]{},'\"#1.", max_size=12),
    ),
    insert=st.booleans(),
)
def test_any_line_anywhere(
    at: int, text: str, insert: bool, more_plugins: PluginManager, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_text("\n".join([*LINES[:at], text, *LINES[at if insert else at + 1 :]]), encoding="utf-8")
    try:
        check(load_config(path), more_plugins)
    except UserError as error:
        for line in str(error).split("\n"):
            assert re.search(r"mutated\.yaml line \d+|\(.*mutated\.yaml\)$", line), line


@settings(deadline=None, derandomize=True, max_examples=800)
@given(
    path=st.one_of(
        st.sampled_from([".".join(map(str, path)) for path in PATHS]),
        st.text(alphabet="abcdeknrst.0123-", max_size=14),
    ),
    tail=st.sampled_from(["", ".name", ".size", ".0", ".top_k", ".x.y"]),
    value=st.one_of(
        st.text(max_size=10), st.sampled_from(["-3", "[", "{name: x}", "lean", "1e999", "[x]", "9" * 5000])
    ),
)
def test_any_override(path: str, tail: str, value: str, more_plugins: PluginManager) -> None:
    override = f"{path}{tail}={value}"
    try:
        check(load_config(None, [override], data=TREE), more_plugins)
    except UserError as error:
        assert "Traceback" not in str(error)
        assert "--set" in str(error) or "needs words, which" in str(error)
