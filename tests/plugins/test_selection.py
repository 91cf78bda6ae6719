"""`block`, `only`, `prefer` and `ZAOJU_PLUGINS`."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint

import pytest
from plugin_modules import PluginWriter, entry_point, segmenters

from zaoju import PluginError, UserError
from zaoju.contracts import HeldOutScored
from zaoju.plugins import PluginManager, PluginSettings


@pytest.fixture
def points(write_plugin: PluginWriter) -> list[EntryPoint]:
    return [
        entry_point("builtin", "zaoju_builtin.plugin", "zaoju"),
        write_plugin("first", segmenters("one", "jieba")),
        write_plugin("second", segmenters("two", "three")),
        write_plugin("third", segmenters("three")),
    ]


def discover(points: list[EntryPoint], environment: str = "", **settings: object) -> PluginManager:
    return PluginManager.discover(
        PluginSettings(**settings), environment={"ZAOJU_PLUGINS": environment}, entry_points=points
    )


def states(manager: PluginManager) -> dict[str, str]:
    return {info.package: info.state for info in manager.infos}


def segmenter_names(manager: PluginManager, package: str) -> list[str]:
    return [offer.component.name for offer in manager.offers("segmenter") if offer.package == package]


def test_without_rules_everything_is_loaded_in_order(points: list[EntryPoint]) -> None:
    manager = discover(points[::-1])
    assert list(states(manager).items()) == [(name, "loaded") for name in ("first", "second", "third", "zaoju")]
    assert manager.warnings == ()


@pytest.mark.parametrize("rule", ["second", "second_plugin", "Second", "second-plugin"])
def test_block_by_distribution_or_entry_point(rule: str, points: list[EntryPoint]) -> None:
    manager = discover(points, block=(rule,))
    assert states(manager) == {"first": "loaded", "second": "blocked", "third": "loaded", "zaoju": "loaded"}
    with pytest.raises(PluginError, match=rf"second_plugin of second unknown \(blocked: plugins.block names {rule}\)"):
        manager.find("segmenter", "two")


def test_block_a_component_and_keep_the_rest(points: list[EntryPoint]) -> None:
    manager = discover(points, block=("segmenter/two",))
    assert segmenter_names(manager, "second") == ["three"]
    with pytest.raises(PluginError, match=r"segmenter 'two' of second is blocked: plugins.block names segmenter/two"):
        manager.find("segmenter", "two")


def test_a_plugin_whose_every_component_is_blocked_is_blocked(points: list[EntryPoint]) -> None:
    assert states(discover(points, block=("segmenter/three",)))["third"] == "blocked"


@pytest.mark.parametrize(
    ("settings", "environment", "warning"),
    [
        ({"block": ("secnd",)}, "", "plugins.block: 'secnd' matches no installed .*; did you mean 'second'"),
        ({"only": ("first", "nothing_like_it")}, "", "plugins.only: 'nothing_like_it' matches no installed"),
        ({"block": ("segmenter/jeiba",)}, "", "did you mean 'segmenter/jieba'"),
        ({}, "-thrid", "ZAOJU_PLUGINS: 'thrid' matches no"),
        ({"prefer": {"segmenters/jieba": "first"}}, "", "plugins.prefer: .*did you mean 'segmenter/jieba'"),
    ],
)
def test_a_rule_that_matches_nothing_warns(
    settings: dict[str, object], environment: str, warning: str, points: list[EntryPoint]
) -> None:
    (only_warning,) = discover(points, environment, **settings).warnings
    assert re.search(warning, only_warning), only_warning


@pytest.mark.parametrize("rule", ["second", "second_plugin"])
def test_only_spares_the_builtins(rule: str, points: list[EntryPoint]) -> None:
    manager = discover(points, only=(rule,))
    assert states(manager) == {"first": "blocked", "second": "loaded", "third": "blocked", "zaoju": "loaded"}
    assert "jieba" in segmenter_names(manager, "zaoju")


@pytest.mark.parametrize("rule", ["zaoju", "builtin"])
def test_only_the_builtins(rule: str, points: list[EntryPoint]) -> None:
    manager = discover(points, only=(rule,))
    assert {package for package, state in states(manager).items() if state == "loaded"} == {"zaoju"}
    assert len(segmenter_names(manager, "zaoju")) > 1


def test_only_a_component_of_a_stranger(points: list[EntryPoint]) -> None:
    manager = discover(points, only=("segmenter/two",))
    assert states(manager) == {"first": "blocked", "second": "loaded", "third": "blocked", "zaoju": "loaded"}
    assert segmenter_names(manager, "second") == ["two"]
    assert "jieba" in segmenter_names(manager, "zaoju")


def test_only_a_component_of_the_builtins_holds_for_them_too(points: list[EntryPoint]) -> None:
    manager = discover(points, only=("segmenter/characters", "second"))
    assert [offer.address for offer in manager.offers() if offer.package == "zaoju"] == ["segmenter/characters"]
    assert segmenter_names(manager, "second") == ["three", "two"]


def test_block_wins_over_only(points: list[EntryPoint]) -> None:
    assert states(discover(points, only=("second",), block=("second",)))["second"] == "blocked"


def test_the_environment_adds_to_the_settings(points: list[EntryPoint]) -> None:
    manager = discover(points, " -third , second,", only=("first",), block=("zaoju",))
    assert states(manager) == {"first": "loaded", "second": "loaded", "third": "blocked", "zaoju": "blocked"}


def test_a_rule_without_a_name_is_refused(points: list[EntryPoint]) -> None:
    with pytest.raises(UserError, match="ZAOJU_PLUGINS is 'first,-'"):
        discover(points, "first,-")


def test_a_duplicate_is_an_error_only_when_it_is_used(points: list[EntryPoint]) -> None:
    manager = discover(points)
    assert manager.find("segmenter", "one").package == "first"
    with pytest.raises(PluginError, match=r"offered by second and third.*prefer: {segmenter/three: third}"):
        manager.find("segmenter", "three")


@pytest.mark.parametrize("package", ["first", "zaoju"])
def test_prefer_settles_a_duplicate_also_against_a_builtin(package: str, points: list[EntryPoint]) -> None:
    manager = discover(points, prefer={"segmenter/jieba": package})
    assert manager.find("segmenter", "jieba").package == package


def test_prefer_holds_for_one_kind_only(points: list[EntryPoint]) -> None:
    manager = discover(points, prefer={"vocabulary/three": "third"})
    with pytest.raises(PluginError, match="offered by"):
        manager.find("segmenter", "three")


def test_prefer_for_a_package_that_does_not_offer_it_is_an_error_at_use(points: list[EntryPoint]) -> None:
    manager = discover(points, prefer={"segmenter/one": "second"})
    assert manager.find("segmenter", "two").package == "second"
    with pytest.raises(PluginError, match="takes segmenter/one from second, which does not offer it; first does"):
        manager.find("segmenter", "one")


def test_a_full_name_needs_no_preference_and_ignores_it(points: list[EntryPoint]) -> None:
    manager = discover(points, prefer={"segmenter/three": "third"})
    assert manager.find("segmenter", "second:three").package == "second"
    with pytest.raises(PluginError, match="first does not offer it; second, third does"):
        manager.find("segmenter", "first:three")
    with pytest.raises(PluginError, match="nobody does not offer it; no loaded plugin does"):
        manager.find("segmenter", "nobody:nothing")


def test_two_plugins_of_one_package_with_one_name_are_settled_by_blocking(write_plugin: PluginWriter) -> None:
    write_plugin("first", segmenters("same"))
    write_plugin("second", segmenters("same"))
    points = [entry_point("a", "first", "twin"), entry_point("b", "second", "twin")]
    with pytest.raises(PluginError, match=r"several plugins of twin: a, b\. Block one .*`plugins: {block: \[b\]}`"):
        discover(points).find("segmenter", "same")
    assert discover(points, block=("b",)).find("segmenter", "same").plugin == "a"


def test_a_plugin_that_is_blocked_after_its_import_hears_no_events(write_plugin: PluginWriter) -> None:
    hook = "@hookimpl\ndef zaoju_held_out_scored(step): raise ValueError(__name__)\n"
    points = [
        write_plugin("kept", segmenters("one")),
        write_plugin("listener", hook),
        write_plugin("emptied", segmenters("two") + hook),
    ]
    manager = discover(points, only=("segmenter/one",))
    assert states(manager) == {"emptied": "blocked", "kept": "loaded", "listener": "blocked"}
    manager.notify(HeldOutScored(1, 2.0))
    with pytest.raises(PluginError, match="listener"):
        discover(points, only=("segmenter/one", "listener")).notify(HeldOutScored(1, 2.0))
    with pytest.raises(PluginError, match="emptied"):
        discover(points, only=("segmenter/two",)).notify(HeldOutScored(1, 2.0))
