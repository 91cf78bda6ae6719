"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.readers"


def readers() -> list[Component]:
    """The builtin readers."""
    options = f"{_HOME}.options"
    return [
        Component(
            "text",
            f"{_HOME}.text:TextReader",
            options=f"{options}:TextOptions",
            summary="Plain text files and folders of them",
        ),
        Component(
            "jsonl",
            f"{_HOME}.jsonl:JsonLinesReader",
            options=f"{options}:JsonLinesOptions",
            summary="Files with one JSON object a line",
        ),
        Component(
            "csv",
            f"{_HOME}.csv:CsvReader",
            options=f"{options}:CsvOptions",
            summary="Tables with one document a row: CSV, TSV and the like",
        ),
        Component(
            "json",
            f"{_HOME}.json:JsonReader",
            options=f"{options}:JsonOptions",
            summary="JSON files with a list of objects, however large",
        ),
        Component(
            "html",
            f"{_HOME}.html:HtmlReader",
            options=f"{options}:HtmlOptions",
            summary="Web pages, without navigation and footers",
            requires=("resiliparse",),
            install="pip install 'zaoju[html]'",
        ),
        Component(
            "markdown",
            f"{_HOME}.markdown:MarkdownReader",
            options=f"{options}:MarkdownOptions",
            summary="Markdown files, without the marks",
        ),
        Component(
            "parquet",
            f"{_HOME}.parquet:ParquetReader",
            options=f"{options}:ParquetOptions",
            summary="Parquet files with one document a row",
            requires=("pyarrow",),
            install="pip install 'zaoju[parquet]'",
        ),
        Component(
            "datasets",
            f"{_HOME}.datasets:DatasetsReader",
            options=f"{options}:DatasetsOptions",
            summary="Hugging Face datasets: saved, in a folder, or streamed from a hub",
            requires=("datasets",),
            install="pip install 'zaoju[datasets]'",
        ),
        Component(
            "stories",
            f"{_HOME}.stories:StoriesReader",
            options=f"{options}:StoriesOptions",
            summary="Small Chinese stories from a bundled grammar, any amount, of known entropy",
        ),
    ]
