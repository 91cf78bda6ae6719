"""The errors that zaoju raises on purpose.

A `UserError` is a mistake that the user can mend: the command line prints its message and exits with 2, without a
traceback. Its message says what was asked, what there is, and what to do. Anything else that escapes is our own fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend. The message says what was asked, what there is, and what to do."""


class ConfigError(UserError):
    """The configuration is wrong. The message names the file, the line and the key."""


class PluginError(UserError):
    """A plugin or a component cannot be used. The message names the package and the cause."""


class CorpusError(UserError):
    """The corpus cannot be read or would lose text. The message names each file and the reason."""


class ArtefactError(UserError):
    """A model folder cannot be used. The message names the folder and what is missing or does not agree."""


class CacheFullError(UserError):
    """The memory for running texts is used up; every text that runs is as it was."""


class ProcessError(UserError):
    """One of several processes that train together has failed alone. The message says which one."""


class EndedElsewhere(Exception):
    """Another one of the processes that train together has failed or was stopped, and tells why."""


class Cancelled(Exception):
    """The caller asked a stage to stop through its `cancel` event. What was finished before is kept."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause that ends a message: the closest known name, or nothing where none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f"; did you mean {close[0]!r}?" if close else ""
