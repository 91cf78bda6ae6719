"""The options of the builtin constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from zaoju import Options


class RegexOptions(Options):
    """Which texts there may be."""

    pattern: str = Field(
        min_length=1,
        description="A regular expression for the whole text, as Rust's crate regex reads it: no look-around, no "
        "references back",
    )


class ChoiceOptions(Options):
    """Which texts there may be."""

    choices: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1, description="The texts to choose from")


class JsonSchemaOptions(Options):
    """Which JSON there may be, and how it is laid out."""

    schema_: dict[str, JsonValue] | None = Field(
        default=None, alias="schema", description="The JSON Schema, written here; or give `file`"
    )
    file: Path | None = Field(default=None, description="A file with the JSON Schema, instead of `schema`")
    whitespace: int = Field(
        default=1,
        ge=0,
        description="So many blanks and line ends may stand between two marks of JSON; 0 allows none",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _one_of("schema", self.schema_, self.file)
        return self


class GrammarOptions(Options):
    """Which grammar the text follows."""

    grammar: str | None = Field(
        default=None,
        description="A grammar in the notation of Lark, as llguidance reads it; the text is what its rule `start` "
        "gives. Or give `file`",
    )
    file: Path | None = Field(default=None, description="A file with the grammar, instead of `grammar`")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _one_of("grammar", self.grammar, self.file)
        return self


def _one_of(name: str, written: object, file: Path | None) -> None:
    if (written is None) == (file is None):
        how = "none of them is given" if file is None else "both are given"
        raise ValueError(f"needs exactly one of `{name}` and `file`, and {how}")
