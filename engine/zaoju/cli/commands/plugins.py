"""`zaoju plugins`: what is installed, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines, print_warnings, table


@click.group(invoke_without_command=True)
@with_config
@with_json
@click.pass_context
def plugins(context: click.Context, config: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """List plugins and what they offer."""
    if context.invoked_subcommand is not None:
        return
    manager = zaoju.discover_plugins(config, overrides=overrides)
    print_warnings(manager)
    if as_json:
        print_json(zaoju.plugin_listing(manager))
        return
    rows = [
        (info.name, info.package, info.version, info.state, f"{info.seconds * 1000:.0f} ms", info.detail)
        for info in manager.infos
    ]
    print_lines(table([("plugin", "package", "version", "state", "time", ""), *rows]))
    offers = [(offer.kind, offer.component.name, offer.package, offer.component.summary) for offer in manager.offers()]
    print_lines(["", *table([("kind", "name", "package", ""), *offers])])


@plugins.command()
@click.argument("name")
@with_json
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Everything called NAME (or KIND/NAME): who offers it, and its options.

    With `zaoju plugins --config FILE show NAME` the plugins are those of FILE.
    """
    assert context.parent is not None
    group = context.parent.params
    manager = zaoju.discover_plugins(group["config"], overrides=group["overrides"])
    found = zaoju.describe_component(name, manager)
    if as_json:
        print_json([asdict(item) for item in found])
        return
    for item in found:
        print_lines([f"{item.kind}/{item.name} from {item.package} {item.version}: {item.summary}"])
        rows = [
            (f"  {field.name}", field.type, f"default {field.default}", field.description) for field in item.options
        ]
        print_lines(table(rows) if rows else ["  takes no options"])
