"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.cleaners"


def cleaners() -> list[Component]:
    """The builtin cleaners, in the order in which they make sense."""
    options = f"{_HOME}.options"
    return [
        Component(
            "mojibake",
            f"{_HOME}.mojibake:MojibakeCleaner",
            options=f"{options}:MojibakeOptions",
            summary="Reads back text that was decoded in the wrong encoding, or drops it",
        ),
        Component(
            "basic",
            f"{_HOME}.basic:BasicCleaner",
            options=f"{options}:BasicOptions",
            summary="Line ends, control characters and stray white space; drops what is empty or too short",
        ),
        Component(
            "unicode",
            f"{_HOME}.unicode_forms:UnicodeCleaner",
            options=f"{options}:UnicodeOptions",
            summary="Full-width letters and digits, radicals, odd spaces; Chinese punctuation stays",
        ),
        Component(
            "join_lines",
            f"{_HOME}.join_lines:JoinLinesCleaner",
            options=f"{options}:JoinLinesOptions",
            summary="Paragraphs again from text that was cut at a fixed width",
        ),
        Component(
            "repeated_lines",
            f"{_HOME}.repeated_lines:RepeatedLinesCleaner",
            options=f"{options}:RepeatedLinesOptions",
            summary="Headers, footers, menus and page numbers that come again and again in one document",
        ),
        Component(
            "script",
            f"{_HOME}.script:ScriptCleaner",
            options=f"{options}:ScriptOptions",
            summary="Traditional to simplified hanzi or back, by OpenCC",
            requires=("opencc",),
            install="pip install 'zaoju[opencc]'",
        ),
        Component(
            "language",
            f"{_HOME}.language:LanguageCleaner",
            options=f"{options}:LanguageOptions",
            summary="Drops what is not written in hanzi, by the shares of the scripts",
        ),
        Component(
            "quality",
            f"{_HOME}.quality:QualityCleaner",
            options=f"{options}:QualityOptions",
            summary="Drops menus, lists of keywords, spam and repetitions; with profiles for prose, poetry and speech",
        ),
        Component(
            "personal_data",
            f"{_HOME}.personal_data:PersonalDataCleaner",
            options=f"{options}:PersonalDataOptions",
            summary="Identity cards, telephone and bank card numbers, mail addresses and the like become placeholders",
        ),
        Component(
            "decontaminate",
            f"{_HOME}.decontaminate:DecontaminateCleaner",
            options=f"{options}:DecontaminateOptions",
            summary="Drops or cuts what also stands in the evaluation's texts",
        ),
    ]
