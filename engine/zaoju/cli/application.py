"""The `zaoju` command: its sub-commands, its exit codes, its signals."""

from __future__ import annotations

import logging
import os
import sys

import click

import zaoju
from zaoju.cli.commands import COMMANDS

EXIT_USER_ERROR = 2
EXIT_CANCELLED = 130


class Application(click.Group):
    """A group whose commands may raise zaoju's own errors, listed in the order of the work."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The order in which they were given, which is that of the work; not that of the alphabet."""
        return list(self.commands)

    def invoke(self, context: click.Context) -> object:
        """Run the command. A mistake of the user's ends in one message and exit code 2, without a traceback."""
        try:
            return super().invoke(context)
        except zaoju.UserError as error:
            click.echo(f"error: {error}", err=True)
            context.exit(EXIT_USER_ERROR)
        except OSError as error:
            if error.filename is None:
                raise
            click.echo(f"error: {error.filename}: {(error.strerror or 'it cannot be used').lower()}", err=True)
            context.exit(EXIT_USER_ERROR)
        except zaoju.Cancelled as stopped:
            click.echo(f"stopped: {stopped}", err=True)
            context.exit(EXIT_CANCELLED)


@click.group(cls=Application, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """造句: your own text in, a trained model out, and text from it. Every stage is a plugin.

    \b
    zaoju run                     the whole path of config.yaml in the current folder
    zaoju init DIR --corpus FILE  a project for your own text
    zaoju generate --prompt 我想  write with the trained model
    """
    _use_all_cores()
    if os.environ.get("ZAOJU_TRACE", "") not in ("", "0"):
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")


def _use_all_cores() -> None:
    """Let numeric libraries use every core that this process may use.

    They read this when they are first imported, which has not happened yet. A library must not decide this, so only
    the command line does; a value that the user has set stays.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    # GNU OpenMP's threads spin for milliseconds while they wait for each other, and stand still when another program
    # has one of the cores. A shorter wait is as fast alone, and lets go when the machine is shared.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
