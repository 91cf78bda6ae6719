"""What a plugin registers: a name, and where the code is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Component:
    """One named implementation of one kind. Nothing is imported until the component is used.

    `zaoju plugins` shows `name` and `summary`; `config.yaml` chooses by `name`.
    """

    name: str
    """What the user writes in the config, such as `jieba` or `top_k`."""

    target: str
    """`package.module:Class`, imported only when the component is used."""

    options: str | None = None
    """`package.module:Model`, a subclass of `zaoju.Options` in a module that imports nothing heavy.

    None means that the component takes no options.
    """

    summary: str = ""
    """One line for `zaoju plugins`."""

    gives: frozenset[str] = frozenset()
    """What the component offers to the next stage, such as `words`."""

    needs: frozenset[str] = frozenset()
    """What the component asks of the stage before it; checked before any text is read."""

    requires: tuple[str, ...] = ()
    """Importable modules that must be installed, such as `("pkuseg",)`; looked up, not imported."""

    install: str = ""
    """The command that installs `requires`, quoted in the error when one is missing."""
