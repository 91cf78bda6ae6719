"""Real packages, each broken or odd in one way, all installed at once: each is explained, and the rest goes on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from plugin_packages import BAD_AT_USE, DAMAGED, GOOD, REFUSED, RIVALS, SLOW, TAKES_JIEBA, Refused
from scratch_environment import Scratch

TEXT = "春眠不觉晓"
REQUESTS = {
    "builtin": ("find", "segmenter", "characters"),
    "good": ("segment", "good", TEXT),
    "talkative": ("segment", "talkative", TEXT),
    "damaged": ("segment", "damaged", TEXT),
    "jieba": ("find", "segmenter", "jieba"),
    "other jieba": ("find", "segmenter", "zaoju-takes-jieba:jieba"),
    "shared": ("find", "segmenter", "shared"),
    "misspelled": ("find", "segmenter", "raises"),
    "start": ("start",),
    "checkpoint": ("checkpoint",),
    "chunks": ("segment", "chunks", TEXT),
    **{
        name: ("segment", name, TEXT)
        for name in (
            "no_module",
            "no_class",
            "no_subclass",
            "no_type",
            "unfinished",
            "no_options",
            "no_model",
            "no_library",
        )
    },
}


@pytest.fixture(scope="module")
def found(scratch: Scratch) -> dict[str, Any]:
    report = scratch.probe(*REQUESTS.values())
    return report | {"answers": dict(zip(REQUESTS, report["answers"], strict=True))}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.package.name)
def test_a_broken_package_is_refused_with_its_cause(refused: Refused, found: dict[str, Any]) -> None:
    info = found["infos"][refused.package.name]
    assert info["state"] == refused.state
    assert re.search(refused.message, info["detail"]), info["detail"]
    assert "\n" not in info["detail"]
    assert info["version"] == "1.0"
    assert not any(package == refused.package.name for _, _, package in found["offers"])


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.package.name)
def test_asking_in_vain_names_the_broken_package_and_its_cause(refused: Refused, found: dict[str, Any]) -> None:
    message = found["answers"]["misspelled"]
    assert (
        f"of {refused.package.name} 1.0 ({refused.state}: {found['infos'][refused.package.name]['detail']})" in message
    )


def test_everything_else_still_works(found: dict[str, Any]) -> None:
    assert found["infos"]["zaoju"]["state"] == "loaded"
    assert found["answers"]["builtin"]["package"] == "zaoju"
    assert found["infos"][GOOD.name]["state"] == "loaded"
    assert found["infos"][GOOD.name]["hooks"] == ["zaoju_segmenters", "zaoju_stage_started"]
    assert found["answers"]["good"] == ["春眠", "不觉晓"]


def test_the_order_is_that_of_the_names(found: dict[str, Any]) -> None:
    assert found["order"] == sorted(found["order"])


def test_the_load_time_of_a_slow_plugin_is_shown(found: dict[str, Any]) -> None:
    assert found["infos"][SLOW.name]["state"] == "loaded"
    assert found["infos"][SLOW.name]["seconds"] >= 0.3
    assert found["infos"][GOOD.name]["seconds"] < found["infos"][SLOW.name]["seconds"]


def test_what_a_plugin_prints_at_import_goes_to_standard_error(found: dict[str, Any]) -> None:
    """`Scratch.probe` has already read standard output as JSON."""
    assert "buy our book" in found["stderr"]
    assert found["answers"]["talkative"] == ["春眠", "不觉晓"]


def test_the_name_of_a_builtin_is_refused_at_use_until_the_config_settles_it(
    found: dict[str, Any], scratch: Scratch
) -> None:
    message = found["answers"]["jieba"]
    assert "segmenter 'jieba' is offered by zaoju and zaoju-takes-jieba" in message
    assert "`plugins: {prefer: {segmenter/jieba: zaoju-takes-jieba}}`" in message
    assert found["answers"]["other jieba"]["package"] == TAKES_JIEBA.name
    blocked = scratch.probe(REQUESTS["jieba"], ZAOJU_PLUGINS="-zaoju-takes-jieba")
    assert blocked["answers"][0]["package"] == "zaoju"


def test_two_packages_with_one_name_are_both_named(found: dict[str, Any]) -> None:
    message = found["answers"]["shared"]
    assert all(rival.name in message for rival in RIVALS)


def test_a_package_with_damaged_metadata_goes_by_its_module(found: dict[str, Any]) -> None:
    info = found["infos"][DAMAGED.module]
    assert (info["state"], info["version"]) == ("loaded", "unknown")
    assert found["answers"]["damaged"] == ["春眠", "不觉晓"]


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("no_module", "ModuleNotFoundError: No module named 'zaoju_bad_at_use.nowhere'"),
        ("no_class", "AttributeError: module 'zaoju_bad_at_use.parts' has no attribute 'Nowhere'"),
        ("no_subclass", "zaoju_bad_at_use.parts:Foreign is not a subclass of Segmenter"),
        ("no_type", "zaoju_bad_at_use.parts:nothing is not a subclass of Segmenter"),
        ("unfinished", "TypeError: Can't instantiate abstract class Unfinished"),
        ("no_options", "its options zaoju_bad_at_use.nowhere:HalvesOptions cannot be imported: ModuleNotFoundError"),
        ("no_model", "its options zaoju_bad_at_use.options:Foreign are not a subclass of zaoju.Options"),
        ("no_library", "needs no_such_library, which is not installed. To install it: pip install it"),
    ],
)
def test_a_component_that_is_broken_fails_at_use_and_names_its_package(
    name: str, cause: str, found: dict[str, Any]
) -> None:
    assert found["infos"][BAD_AT_USE.name]["state"] == "loaded"
    assert found["answers"][name].startswith(f"PluginError: segmenter '{name}' of {BAD_AT_USE.name}")
    assert cause in found["answers"][name]


def test_an_event_hook_that_raises_is_named_and_others_are_not_touched(found: dict[str, Any]) -> None:
    assert found["answers"]["checkpoint"] == (
        "PluginError: plugin zaoju-bad-listener:bad_listener failed in its hook zaoju_checkpoint_saved: "
        "SystemExit: disk full"
    )
    assert found["answers"]["start"] is None
    assert "started prepare here" in found["stderr"]


@pytest.mark.parametrize("rule", ["zaoju-exits", "Zaoju_Exits", "exits"])
def test_a_blocked_plugin_is_not_even_imported(rule: str, scratch: Scratch) -> None:
    info = scratch.probe(ZAOJU_PLUGINS=f"-{rule}")["infos"]["zaoju-exits"]
    assert (info["state"], info["detail"], info["seconds"]) == ("blocked", f"ZAOJU_PLUGINS names {rule}", 0)


def test_only_leaves_the_builtins_and_what_it_names(scratch: Scratch) -> None:
    found = scratch.probe(REQUESTS["good"], ZAOJU_PLUGINS="zaoju-good")
    loaded = [package for package, info in found["infos"].items() if info["state"] == "loaded"]
    assert loaded == ["zaoju", "zaoju-good"]
    assert found["answers"] == [["春眠", "不觉晓"]]


def test_strict_stops_at_the_first_broken_plugin_with_a_traceback(scratch: Scratch) -> None:
    done = scratch.run("-c", STRICT, ZAOJU_STRICT_PLUGINS="1", ZAOJU_PLUGINS="raises")
    assert done.returncode == 1
    assert "plugin.py" in done.stderr and "raise ValueError('no licence')" in done.stderr
    assert "RuntimeError: plugin raises of zaoju-raises 1.0: zaoju_raises.plugin cannot be imported" in done.stderr


def test_strict_leaves_good_plugins_alone(scratch: Scratch) -> None:
    done = scratch.run("-c", STRICT, ZAOJU_STRICT_PLUGINS="1", ZAOJU_PLUGINS="good")
    assert done.returncode == 0, done.stderr


def test_trace_logs_hook_calls(scratch: Scratch) -> None:
    message = "zaoju_stage_started of zaoju-good:good: {'stage': 'prepare'"
    assert message in scratch.run("-c", TRACED, ZAOJU_TRACE="1", ZAOJU_PLUGINS="good").stderr
    assert message not in scratch.run("-c", TRACED, ZAOJU_TRACE="0", ZAOJU_PLUGINS="good").stderr


STRICT = "from zaoju.plugins import PluginManager; PluginManager.discover()"
TRACED = """
import logging
from pathlib import Path
from zaoju.contracts import StageStarted
from zaoju.plugins import PluginManager

logging.basicConfig(level=logging.INFO)
PluginManager.discover().notify(StageStarted("prepare", Path("here")))
"""
