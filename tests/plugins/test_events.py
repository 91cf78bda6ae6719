"""The typed facade of the lifecycle hooks, held to the specifications."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path

import pytest
from plugin_modules import PluginWriter

from zaoju import PluginError, hookspecs
from zaoju.contracts import (
    CheckpointSaved,
    Event,
    HeldOutScored,
    Notice,
    Progress,
    StageFinished,
    StageSkipped,
    StageStarted,
    TrainStep,
)
from zaoju.plugins import KINDS, PluginManager
from zaoju.plugins.events import LifecycleHooks
from zaoju.plugins.hooks import specified_hooks

LISTENER = """
    from pathlib import Path

    heard = []

    @hookimpl
    def zaoju_stage_started(stage, folder): heard.append(("started", stage, folder))

    @hookimpl
    def zaoju_stage_finished(seconds, stage): heard.append(("finished", stage, seconds))

    @hookimpl
    def zaoju_train_step(step, steps, loss, learning_rate, tokens):
        heard.append(("step", step, steps, loss, learning_rate, tokens))

    @hookimpl
    def zaoju_held_out_scored(step, bits_per_character): heard.append(("scored", step, bits_per_character))

    @hookimpl
    def zaoju_checkpoint_saved(step, folder): heard.append(("saved", step, folder))
"""
HERE = Path("here")
EVENTS: list[tuple[Event, tuple[object, ...] | None]] = [
    (StageStarted("train", HERE), ("started", "train", HERE)),
    (StageSkipped("train", HERE), None),
    (StageFinished("train", HERE, 1.5), ("finished", "train", 1.5)),
    (TrainStep(1, 10, 2.5, 0.001, 4096, 99.0), ("step", 1, 10, 2.5, 0.001, 4096)),
    (HeldOutScored(5, 3.25), ("scored", 5, 3.25)),
    (CheckpointSaved(5, HERE), ("saved", 5, HERE)),
    (Progress("training", 1, 10, "steps"), None),
    (Notice("hello"), None),
]


def lifecycle_hooks() -> set[str]:
    return set(specified_hooks()) - set(KINDS.values())


def facade_methods() -> set[str]:
    return {name for name in vars(LifecycleHooks) if name.startswith("zaoju_")}


def test_every_hook_offers_a_kind_or_is_a_method_of_the_facade() -> None:
    assert set(KINDS.values()) <= set(specified_hooks())
    assert lifecycle_hooks() == facade_methods()


@pytest.mark.parametrize("hook", sorted(lifecycle_hooks()))
def test_the_facade_has_the_signature_of_the_specification(hook: str) -> None:
    facade = inspect.signature(getattr(LifecycleHooks, hook))
    arguments = [parameter for name, parameter in facade.parameters.items() if name != "self"]
    assert facade.replace(parameters=arguments) == inspect.signature(getattr(hookspecs, hook))


def test_each_event_reaches_its_hook_with_what_was_asked_for(write_plugin: PluginWriter) -> None:
    manager = PluginManager.discover(environment={}, entry_points=[write_plugin("listener", LISTENER)])
    import listener  # type: ignore[import-not-found]  # written by the fixture

    for event, _ in EVENTS:
        manager.notify(event)
    assert listener.heard == [heard for _, heard in EVENTS if heard]
    assert len(listener.heard) == len(lifecycle_hooks())


def test_the_order_is_pluggys(write_plugin: PluginWriter) -> None:
    body = """
        import builtins

        @hookimpl{mark}
        def zaoju_held_out_scored(step): import heard; heard.names.append(__name__)
    """
    write_plugin("heard", "names = []")
    marks = {"a": "", "b": "(tryfirst=True)", "c": "", "d": "(trylast=True)"}
    points = [write_plugin(name, body.format(mark=mark)) for name, mark in marks.items()]
    PluginManager.discover(environment={}, entry_points=points).notify(HeldOutScored(1, 2.0))
    import heard  # type: ignore[import-not-found]  # written by the fixture

    assert heard.names == ["b", "c", "a", "d"]


def test_an_error_in_a_hook_names_plugin_and_hook_and_keeps_its_cause(write_plugin: PluginWriter) -> None:
    body = "@hookimpl\ndef zaoju_held_out_scored(step): return 1 / 0\n"
    manager = PluginManager.discover(environment={}, entry_points=[write_plugin("careless", body)])
    with pytest.raises(PluginError) as error:
        manager.notify(HeldOutScored(1, 2.0))
    assert str(error.value) == (
        "plugin careless:careless_plugin failed in its hook zaoju_held_out_scored: ZeroDivisionError: division by zero"
    )
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    manager.notify(StageStarted("train", HERE))


@pytest.mark.parametrize(("switch", "lines"), [("1", 1), ("0", 0), ("", 0)])
def test_trace(switch: str, lines: int, write_plugin: PluginWriter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="zaoju.plugins")
    point = write_plugin("listener", LISTENER)
    PluginManager.discover(environment={"ZAOJU_TRACE": switch}, entry_points=[point]).notify(HeldOutScored(5, 3.25))
    assert len(caplog.messages) == lines
    if lines:
        assert "zaoju_held_out_scored of listener:listener_plugin" in caplog.messages[0]
