"""A schema or a grammar in a file."""

from __future__ import annotations

from pathlib import Path

from zaoju import UserError


def read_form(constraint: str, path: Path) -> str:
    """The text of the file, which is UTF-8. Raises `UserError` naming the constraint and the file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"constraint {constraint}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"constraint {constraint}: {path} is not UTF-8: {error}; save it as UTF-8") from error
