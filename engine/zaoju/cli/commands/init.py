"""`zaoju init`: a project folder for one's own text."""

from __future__ import annotations

from pathlib import Path

import click

import zaoju
from zaoju.cli.options import with_json
from zaoju.cli.output import print_json, print_lines


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--corpus",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A file of text, JSON, tables, web pages or Markdown, packed or not, or a folder. Repeatable; else stories.",
)
@with_json
def init(folder: Path, files: tuple[Path, ...], as_json: bool) -> None:
    """Write FOLDER/config.yaml for your corpus.

    The corpus stays where it is.
    """
    project = zaoju.init_project(folder, files)
    if as_json:
        print_json({"config": str(project.config), "documents": project.documents, "characters": project.characters})
        return
    print_lines([*project.findings, f"wrote {project.config}", "", f"next: cd {folder} && zaoju run"])
