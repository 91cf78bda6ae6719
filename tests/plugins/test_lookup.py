"""Names, kinds and entry points in general."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest
from plugin_modules import PluginWriter, segmenters

from zaoju import PluginError
from zaoju.plugins import KINDS, PluginManager


def discover(*points: EntryPoint) -> PluginManager:
    return PluginManager.discover(environment={}, entry_points=points)


def test_an_unknown_name_says_what_there_is(write_plugin: PluginWriter) -> None:
    manager = discover(write_plugin("first", segmenters("jieba", "none")))
    with pytest.raises(PluginError) as error:
        manager.find("segmenter", "jeiba")
    assert str(error.value) == "no segmenter is named 'jeiba'; did you mean 'jieba'? Available: jieba, none."


def test_an_unknown_name_where_there_is_nothing(write_plugin: PluginWriter) -> None:
    with pytest.raises(PluginError, match=r"no trainer is named 'lean'\. Available: none\."):
        discover(write_plugin("first", segmenters("jieba"))).find("trainer", "lean")


def test_a_name_belongs_to_its_kind(write_plugin: PluginWriter) -> None:
    manager = discover(write_plugin("first", segmenters("jieba")))
    assert manager.find("segmenter", "jieba").address == "segmenter/jieba"
    with pytest.raises(PluginError, match="no vocabulary is named 'jieba'"):
        manager.find("vocabulary", "jieba")


def test_an_unknown_kind() -> None:
    with pytest.raises(PluginError, match="no kind of component is named 'segmentr'; did you mean 'segmenter'"):
        discover().find("segmentr", "jieba")


def test_the_same_entry_point_found_twice_counts_once(write_plugin: PluginWriter) -> None:
    point = write_plugin("first", segmenters("jieba"))
    manager = discover(point, EntryPoint(point.name, point.value, point.group))
    assert [info.state for info in manager.infos] == ["loaded"]
    assert manager.find("segmenter", "jieba").package == "first"


def test_one_module_under_two_entry_points_is_refused_the_second_time(write_plugin: PluginWriter) -> None:
    point = write_plugin("first", segmenters("jieba"))
    good, bad = discover(point, EntryPoint("z_again", point.value, point.group)).infos
    assert good.state == "loaded"
    assert (bad.state, bad.detail) == ("failed", "its module first is already loaded as the plugin first:first_plugin")


def test_a_refused_plugin_keeps_no_hook(write_plugin: PluginWriter) -> None:
    point = write_plugin("first", segmenters("jieba") + "@hookimpl\ndef zaoju_train_stop(step): ...\n")
    manager = discover(point)
    assert manager.infos[0].state == "failed"
    assert manager.offers() == []


def test_finding_imports_neither_the_component_nor_what_it_requires(write_plugin: PluginWriter) -> None:
    body = """
        @hookimpl
        def zaoju_segmenters():
            return [Component("far", "far_away:Halves", requires=("antigravity",))]
    """
    assert discover(write_plugin("first", body)).find("segmenter", "far").component.target == "far_away:Halves"
    assert "far_away" not in sys.modules
    assert "antigravity" not in sys.modules


def test_offers_are_sorted_and_can_be_asked_by_kind(write_plugin: PluginWriter) -> None:
    manager = discover(write_plugin("b", segmenters("y", "x")), write_plugin("a", segmenters("y")))
    assert [(offer.component.name, offer.package) for offer in manager.offers()] == [("x", "b"), ("y", "a"), ("y", "b")]
    assert manager.offers("segmenter") == manager.offers()
    assert manager.offers("trainer") == []


def test_two_managers_share_nothing(write_plugin: PluginWriter) -> None:
    first, second = write_plugin("first", segmenters("one")), write_plugin("second", segmenters("two"))
    one, other, both = discover(first), discover(second), discover(first, second)
    assert [offer.component.name for offer in one.offers()] == ["one"]
    assert [offer.component.name for offer in other.offers()] == ["two"]
    assert [offer.component.name for offer in both.offers()] == ["one", "two"]


def test_ctrl_c_is_not_swallowed(write_plugin: PluginWriter) -> None:
    with pytest.raises(KeyboardInterrupt):
        discover(write_plugin("first", "raise KeyboardInterrupt"))


def test_every_kind_has_a_builtin_of_its_own() -> None:
    manager = PluginManager.discover(environment={})
    assert {offer.kind for offer in manager.offers()} == set(KINDS)
    assert manager.warnings == ()
