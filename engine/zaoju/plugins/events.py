"""Lifecycle events for plugins: the one place where hooks are called, with types that a checker sees."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from zaoju.plugins.foreign import blaming

if TYPE_CHECKING:
    from pathlib import Path

    import pluggy

    from zaoju.contracts import Event

_logger = logging.getLogger("zaoju.plugins")


class LifecycleHooks:
    """Calls the plugins' lifecycle hooks. One method per hook, of the same name and with the same arguments."""

    def __init__(self, plugins: pluggy.PluginManager, *, trace: bool) -> None:
        self._hook = plugins.hook
        self._trace = trace

    def notify(self, event: Event) -> None:
        """Call the hook that reports `event`, where there is one."""
        # Contracts import pydantic; whoever holds an event has imported them long ago.
        from zaoju.contracts import CheckpointSaved, HeldOutScored, StageFinished, StageStarted, TrainStep

        match event:
            case StageStarted():
                self.zaoju_stage_started(event.stage, event.folder)
            case StageFinished():
                self.zaoju_stage_finished(event.stage, event.folder, event.seconds)
            case TrainStep():
                self.zaoju_train_step(event.step, event.steps, event.loss, event.learning_rate, event.tokens)
            case HeldOutScored():
                self.zaoju_held_out_scored(event.step, event.bits_per_character)
            case CheckpointSaved():
                self.zaoju_checkpoint_saved(event.step, event.folder)

    def zaoju_stage_started(self, stage: str, folder: Path) -> None:
        self._call(self._hook.zaoju_stage_started, stage=stage, folder=folder)

    def zaoju_stage_finished(self, stage: str, folder: Path, seconds: float) -> None:
        self._call(self._hook.zaoju_stage_finished, stage=stage, folder=folder, seconds=seconds)

    def zaoju_train_step(self, step: int, steps: int, loss: float, learning_rate: float, tokens: int) -> None:
        self._call(
            self._hook.zaoju_train_step, step=step, steps=steps, loss=loss, learning_rate=learning_rate, tokens=tokens
        )

    def zaoju_held_out_scored(self, step: int, bits_per_character: float) -> None:
        self._call(self._hook.zaoju_held_out_scored, step=step, bits_per_character=bits_per_character)

    def zaoju_checkpoint_saved(self, step: int, folder: Path) -> None:
        self._call(self._hook.zaoju_checkpoint_saved, step=step, folder=folder)

    def _call(self, hook: pluggy.HookCaller, **arguments: object) -> None:
        """Call each implementation in pluggy's order, with the arguments that it asks for.

        Calling `hook` itself would lose whose code it was that failed. Wrappers do not exist: loading refuses them.
        """
        for implementation in reversed(hook.get_hookimpls()):
            if self._trace:
                _logger.info("%s of %s: %s", hook.name, implementation.plugin_name, arguments)
            with blaming(f"plugin {implementation.plugin_name} failed in its hook {hook.name}"):
                implementation.function(*(arguments[name] for name in implementation.argnames))
