"""What a model folder says of itself."""

from __future__ import annotations

from pathlib import Path

from zaoju.files import read_json_object

DESCRIPTION = "zaoju.json"
ARTEFACT_FORMAT = 1


def read_description(folder: Path) -> dict[str, object]:
    """What `zaoju.json` in a model folder says; empty where zaoju did not make the folder.

    Raises `ArtefactError` where the file is damaged.
    """
    return read_json_object(folder / DESCRIPTION) or {}
