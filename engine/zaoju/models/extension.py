"""What a model folder says of tokens that were added to its vocabulary."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from zaoju.errors import ArtefactError
from zaoju.files import read_json_object, write_text_whole

_RECORD = "extension.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Extension:
    """What a model folder says of the tokens that were added to it and not trained yet."""

    first_new: int
    """The id of the first new token."""

    tokens: int
    """All tokens, the new ones included; rows after them are padding."""

    initialiser: str

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        record = {"format": _FORMAT, **asdict(self)}
        write_text_whole(folder / _RECORD, json.dumps(record, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a folder says; None where nothing was added. Raises `ArtefactError` where the record is damaged."""
        record = read_json_object(folder / _RECORD)
        if record is None:
            return None
        values = [record.get(field.name) for field in fields(cls)]
        if record.get("format") != _FORMAT or not all(map(isinstance, values, (int, int, str))):
            raise ArtefactError(f"{folder / _RECORD} is damaged or of another zaoju; run `zaoju extend` again")
        return cls(*values)  # type: ignore[arg-type]  # the types are checked in the line before
