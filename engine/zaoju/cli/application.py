"""The `zaoju` command: its sub-commands, its exit codes, its signals."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

import click

import zaoju
from zaoju.cli.commands import COMMANDS
from zaoju.errors import did_you_mean

EXIT_USER_ERROR = 2
EXIT_CANCELLED = 130


class Application(click.Group):
    """A group whose commands may raise zaoju's own errors, listed in the order of the work."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The order of the work, not that of the alphabet."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command; the others would take as long to import as all of click."""
        if name not in COMMANDS:
            return None
        name = name.replace("-", "_")
        command: click.Command = getattr(import_module(f"zaoju.cli.commands.{name}"), name)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse a name that no command has, with the closest one; click knows only commands that are imported."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            context.fail(f"there is no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> object:
        """Run the command. A mistake of the user's ends in one message and exit code 2, without a traceback."""
        try:
            return super().invoke(context)
        except zaoju.EndedElsewhere as ended:
            stopped = isinstance(ended.__cause__, (zaoju.Cancelled, KeyboardInterrupt))
            context.exit(EXIT_CANCELLED if stopped else EXIT_USER_ERROR)
        except zaoju.UserError as error:
            # A mistake in the command or the configuration is found by all processes that were started together.
            if zaoju.is_main_process() or isinstance(error, zaoju.ProcessError):
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
        except KeyboardInterrupt:
            click.echo("interrupted: what was finished before is kept", err=True)
            context.exit(EXIT_CANCELLED)


@click.group(cls=Application, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """造句: your own text in, a trained model out, and text from it. Every stage is a plugin.

    \b
    zaoju run                     the whole path of config.yaml in the current folder
    zaoju init DIR --corpus FILE  a project for your own text
    zaoju generate --prompt 我想  write with the trained model
    """
    # GNU OpenMP's threads spin for milliseconds while they wait for each other, and stand still when another program
    # has one of the cores. A shorter wait is as fast alone, and lets go when the machine is shared.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    if os.environ.get("ZAOJU_TRACE", "") not in ("", "0"):
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
