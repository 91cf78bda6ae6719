"""The options of the readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

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
    suffixes: list[str] = Field([".txt"], min_length=1, description="Which names to read in folders")


class ObjectOptions(FileOptions):
    """Options of readers of JSON objects: which fields make a text, or a conversation."""

    fields: list[str] = Field(
        ["text"], min_length=1, description="The fields that make the text, in order; each a text or a list of texts"
    )
    prompt: list[str] = Field(
        [],
        description="With `answer`, each object is a conversation: the fields of what the user says, in order; those "
        "that are empty are passed over",
    )
    answer: str | None = Field(None, description="With `prompt`: the field of what the assistant answers")
    turns: str | None = Field(
        None,
        description="Each object is a conversation: the field with the list of its turns, each a text (the user's "
        'first) or an object such as {"role": "user", "content": "..."}',
    )

    @property
    def conversations(self) -> bool:
        """Whether the objects are conversations."""
        return self.answer is not None or self.turns is not None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if bool(self.prompt) != (self.answer is not None):
            raise ValueError("`prompt` and `answer` belong together: name the fields of both")
        if self.turns is not None and self.prompt:
            raise ValueError("`turns` is a list of both sides; leave out `prompt` and `answer`, or `turns`")
        if self.conversations and self.fields != ["text"]:
            raise ValueError("`fields` makes plain texts; leave it out where the objects are conversations")
        return self


class JsonLinesOptions(ObjectOptions):
    """Options of the `jsonl` reader."""

    suffixes: list[str] = Field([".jsonl", ".ndjson"], min_length=1, description="Which names to read in folders")


class CsvOptions(FileOptions):
    """Options of the `csv` reader."""

    columns: list[str] = Field(
        ["text"],
        min_length=1,
        description="The columns that make the text, in order: names, or numbers from 1 where there is no header",
    )
    header: bool = Field(True, description="Whether the first row of a file has the names of the columns")
    delimiter: str = Field(",", min_length=1, max_length=1, description='What parts the columns; "\\t" for TSV')
    suffixes: list[str] = Field([".csv", ".tsv"], min_length=1, description="Which names to read in folders")

    @model_validator(mode="after")
    def _numbers_without_a_header(self) -> Self:
        if not self.header and not all(name.isdecimal() and int(name) for name in self.columns):
            raise ValueError('`columns:` must be numbers from 1, such as ["1"], where `header: false`')
        return self


class JsonOptions(ObjectOptions):
    """Options of the `json` reader."""

    path: str = Field("", description="Where the list lies in nested objects, such as `data.items`; empty: outermost")
    suffixes: list[str] = Field([".json"], min_length=1, description="Which names to read in folders")


class HtmlOptions(FileOptions):
    """Options of the `html` reader; `encoding` is found in the page itself."""

    main_content: bool = Field(True, description="Leave out navigation, side bars and footers")
    maximum_bytes: int = Field(10_000_000, ge=1, description="A larger page is reported and not read")
    maximum_depth: int = Field(1_000, ge=1, description="A page that may be nested deeper is reported and not read")
    maximum_elements: int = Field(
        1_000_000, ge=1, description="A page that may hold more elements is reported and not read"
    )
    suffixes: list[str] = Field([".html", ".htm", ".xhtml"], min_length=1, description="Which names to read in folders")


class MarkdownOptions(FileOptions):
    """Options of the `markdown` reader."""

    heading_level: int = Field(
        0, ge=0, le=6, description="Begin a document at each heading of this level and above; 0: one document a file"
    )
    title: bool = Field(True, description="Begin with the `title` of the front matter, whose other lines are dropped")
    line_breaks: Literal["keep", "join"] = Field(
        "keep", description="Line ends in a paragraph: as written, or joined as browsers do, without spaces at hanzi"
    )
    code: bool = Field(False, description="Keep code blocks; code in a sentence always stays")
    tables: bool = Field(False, description="Keep tables, a row a line, with tabs between cells")
    html: bool = Field(False, description="Keep the text of HTML blocks; tags are always dropped")
    images: bool = Field(False, description="Keep the texts that stand for images")
    maximum_characters: int = Field(2_000_000, ge=1, description="A longer file is reported and not read")
    suffixes: list[str] = Field([".md", ".markdown"], min_length=1, description="Which names to read in folders")


class ParquetOptions(FileOptions):
    """Options of the `parquet` reader; its texts are always UTF-8."""

    columns: list[str] = Field(["text"], min_length=1, description="The columns that make the text, in order")
    suffixes: list[str] = Field([".parquet"], min_length=1, description="Which names to read in folders")


class DatasetsOptions(Options):
    """Options of the `datasets` reader."""

    path: Path | None = Field(None, description="A folder that `save_to_disk` left, or one with data files as on a hub")
    hub: str | None = Field(None, description="The name of a dataset on a hub, such as `owner/name`; it is streamed")
    revision: str | None = Field(None, description="Of a hub's dataset: a branch, a tag or a commit; else the newest")
    configuration: str | None = Field(None, description="Which configuration of the dataset, where it has several")
    split: str = Field("train", min_length=1, description="Which split; a saved dataset may have none")
    columns: list[str] = Field(["text"], min_length=1, description="The columns that make the text, in order")
    maximum_characters: int = Field(10_000_000, ge=1, description="A longer document is reported and not read")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("set either `path:`, a folder, or `hub:`, the name of a dataset on a hub")
        if self.revision is not None and self.hub is None:
            raise ValueError("`revision:` is for a dataset of a `hub:`; a folder is read as it is")
        return self


class StoriesOptions(Options):
    """Options of the `stories` reader."""

    documents: int = Field(20_000, ge=1, description="How many stories")
    seed: int = Field(1, description="Another seed gives other stories")
