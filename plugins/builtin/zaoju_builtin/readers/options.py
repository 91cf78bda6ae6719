"""The options of the readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from zaoju import Options


def _is_text_encoding(name: str) -> str:
    if name == "auto":
        return name
    try:
        "".encode(name)
    except LookupError as error:
        raise ValueError(f"{error}; known are auto, and for example utf-8, gb18030, big5hkscs and utf-16") from None
    return name


class FileOptions(Options):
    """What every reader of files can be told."""

    paths: list[Path] = Field(min_length=1, description="Files, folders (with all that is below), or patterns with *")
    encoding: Annotated[str, AfterValidator(_is_text_encoding)] = Field(
        "auto",
        description="The encoding of the files; `auto` finds out and tells, any other is strict",
    )
    maximum_characters: int = Field(10_000_000, ge=1, description="A longer document or line is reported and not read")
    maximum_expansion: int = Field(
        200, ge=1, description="How many times its size a compressed file or archive may unpack to"
    )


class TextOptions(FileOptions):
    """Options of the `text` reader."""

    documents: Literal["blank_line", "line", "file"] = Field(
        "blank_line",
        description="What parts one document from the next: a blank line, each line end, or the file's end",
    )
    suffixes: list[str] = Field([".txt", ".md"], min_length=1, description="Which names to read in folders")


class JsonLinesOptions(FileOptions):
    """Options of the `jsonl` reader."""

    fields: list[str] = Field(
        ["text"], min_length=1, description="The fields that make the text, in order; each a text or a list of texts"
    )
    suffixes: list[str] = Field([".jsonl", ".ndjson"], min_length=1, description="Which names to read in folders")


class StoriesOptions(Options):
    """Options of the `stories` reader."""

    documents: int = Field(20_000, ge=1, description="How many stories")
    seed: int = Field(1, description="Another seed gives other stories")
