"""`zaoju clean`: remove what the configuration does not use."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_config, with_json
from zaoju.cli.output import print_json, print_lines


@click.command()
@with_config
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@with_json
def clean(config: Path | None, overrides: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Remove the results of earlier configurations.

    Only in the run folder of this configuration. The finished model stays.
    """
    unused = zaoju.clean(config, overrides=overrides, remove=not dry_run)
    if as_json:
        print_json([{"folder": str(item.folder), "bytes": item.bytes} for item in unused])
        return
    verb = "would remove" if dry_run else "removed"
    print_lines([f"{verb} {item.folder} ({item.bytes / 2**20:.1f} MiB)" for item in unused] or ["nothing to remove"])
