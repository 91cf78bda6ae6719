"""The sub-commands, one file each; a command is imported when it is called, or when all are listed."""

COMMANDS = (
    "run",
    "prepare",
    "vocabulary",
    "train",
    "evaluate",
    "compare",
    "generate",
    "extend",
    "export",
    "segment",
    "tokenize",
    "plan",
    "init",
    "config",
    "plugins",
    "new-plugin",
    "status",
    "clean",
    "version",
)
"""Their names in the order of the work; `new-plugin` is the command `new_plugin` in the module of that name."""

__all__ = ["COMMANDS"]
