"""The options of the cleaners."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from zaoju import Options


class BasicOptions(Options):
    """Options of the `basic` cleaner."""

    min_characters: int = Field(1, ge=1, description="Shorter documents are dropped, counted after cleaning")
    normalise: Literal["NFC", "none"] = Field(
        "NFC", description="NFC writes a letter and its accent as one character; hanzi are never touched"
    )


class UnicodeOptions(Options):
    """Options of the `unicode` cleaner."""

    letters_and_digits: Literal["half_width", "keep"] = Field(
        "half_width", description="Full-width Latin letters and digits become ASCII; Chinese punctuation never changes"
    )
    radicals: Literal["hanzi", "keep"] = Field(
        "hanzi", description="Kangxi and CJK radicals, as text from PDF files has them, become the hanzi that they are"
    )
    spaces: Literal["plain", "keep"] = Field(
        "plain", description="No-break, thin and ideographic spaces inside a line become plain ones, one by one"
    )
    indents: Literal["keep", "remove"] = Field("keep", description="White space at the beginning of lines")
    private_use: Literal["remove", "keep", "drop"] = Field(
        "remove",
        description="Characters that only one font knew, and code points that are none: remove, or drop the document",
    )
    variation_selectors: Literal["remove", "keep"] = Field(
        "remove", description="The invisible marks after a hanzi that choose a glyph; emoji keep theirs"
    )
    compatibility_hanzi: Literal["keep", "unified"] = Field(
        "keep", description="Hanzi that were encoded twice for other character sets become the ordinary ones"
    )
    form: Literal["NFC", "NFKC", "none"] = Field(
        "NFC", description="NFKC is lossy: it rewrites ，：（） as ASCII, …… as six full stops and ① as 1"
    )


class JoinLinesOptions(Options):
    """Options of the `join_lines` cleaner."""

    minimum_lines: int = Field(5, ge=3, description="A document with fewer lines says too little about its width")
    minimum_width: int = Field(
        36, ge=8, description="In columns, two for a hanzi: text that is cut narrower may be verse, and is left alone"
    )
    maximum_width: int = Field(200, ge=8, description="In columns: longer lines are paragraphs already")


class MojibakeOptions(Options):
    """Options of the `mojibake` cleaner."""

    beyond_repair: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of a document in which characters were lost when it was wrongly decoded"
    )
    maximum_damaged: float = Field(
        0.05, ge=0, le=1, description="The share of a document's characters that may stand in lines beyond repair"
    )


class ScriptOptions(Options):
    """Options of the `script` cleaner."""

    conversion: Literal[
        "t2s", "s2t", "tw2s", "s2tw", "tw2sp", "s2twp", "hk2s", "s2hk", "t2tw", "tw2t", "t2hk", "hk2t"
    ] = Field(
        "t2s",
        description="From and to: s simplified, t traditional, tw Taiwan, hk Hong Kong; with p also the words differ",
    )


class LanguageOptions(Options):
    """Options of the `language` cleaner."""

    minimum_han: float = Field(
        0.5, ge=0, le=1, description="The least share of hanzi; a Latin word counts as one letter"
    )
    maximum_kana: float = Field(0.2, ge=0, le=1, description="More kana make a document Japanese")
    maximum_hangul: float = Field(0.2, ge=0, le=1, description="More Hangul make a document Korean")
    maximum_other: float = Field(0.2, ge=0, le=1, description="The most of all other scripts together")
    minimum_letters: int = Field(10, ge=0, description="Documents with fewer letters say too little, and are kept")


class QualityOptions(Options):
    """Options of the `quality` cleaner. Each threshold is the profile's, unless it is set here."""

    profile: Literal["web", "prose", "classical_poetry", "dialogue"] = Field(
        "web", description="What the documents are; it sets every threshold that is not set by itself"
    )
    minimum_hanzi: int | None = Field(None, ge=0, description="The fewest hanzi that a document must have")
    minimum_han_share: float | None = Field(
        None, ge=0, le=1, description="The least share of hanzi among the characters that are no white space"
    )
    minimum_common_share: float | None = Field(
        None, ge=0, le=1, description="The least share of the 2,500 commonest among the hanzi"
    )
    minimum_function_share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The least share of words such as 的 是 在 among the hanzi; lists of keywords have few",
    )
    minimum_ended_lines: float | None = Field(
        None, ge=0, le=1, description="The least share of lines that end as a sentence does (FineWeb-2: 0.106)"
    )
    maximum_line_breaks: float | None = Field(
        None, ge=0, le=1, description="The most line ends for each character (FineWeb-2: 0.178 for each word)"
    )
    maximum_separators: float | None = Field(
        None, ge=0, le=1, description="The most separators such as | / _ > and blanks, as a share of all characters"
    )
    maximum_repeated_lines: float | None = Field(
        None, ge=0, le=1, description="The most lines that came before, as a share of all (FineWeb-2: 0.287)"
    )
    maximum_repetition: float | None = Field(
        None, ge=0, le=1, description="The most places where ten characters begin that came before (FineWeb-2: 0.198)"
    )
    maximum_top_gram: float | None = Field(
        None, ge=0, le=1, description="The most that the commonest four characters may fill (FineWeb-2: 0.256)"
    )
    maximum_spam: float | None = Field(
        None, ge=0, le=1, description="The most characters in words of gambling, forgery and link sellers"
    )
    spam_words: list[str] = Field([], description="More words that count as such")
    maximum_replacement: float | None = Field(
        None, ge=0, le=1, description="The most U+FFFD, which stand for what could not be decoded"
    )


class RepeatedLinesOptions(Options):
    """Options of the `repeated_lines` cleaner."""

    times: int = Field(3, ge=2, description="A line that comes as often as this is a repetition; the first one stays")
    minimum_characters: int = Field(2, ge=1, description="Shorter lines are left alone")
    long_sentence: int = Field(
        20, ge=1, description="A line that ends as a sentence does counts only from so many characters on"
    )
    page_numbers: bool = Field(True, description="Lines such as - 12 - and 第 3 页 共 9 页 go, where there are `times`")


PersonalKind = Literal[
    "identity_card",
    "credit_code",
    "bank_card",
    "mobile",
    "landline",
    "email",
    "ip_address",
    "licence_plate",
    "passport",
]


class PersonalDataOptions(Options):
    """Options of the `personal_data` cleaner."""

    kinds: list[PersonalKind] = Field(
        [
            "identity_card",
            "credit_code",
            "bank_card",
            "mobile",
            "landline",
            "email",
            "ip_address",
            "licence_plate",
            "passport",
        ],
        description="What is replaced",
    )
    action: Literal["replace", "remove", "drop"] = Field(
        "replace", description="A placeholder such as 〔手机〕, nothing in its place, or drop the document"
    )


class DecontaminateOptions(Options):
    """Options of the `decontaminate` cleaner."""

    files: list[Path] = Field(
        min_length=1, description="Evaluation texts: .jsonl, or .txt with blank lines between texts"
    )
    fields: list[str] = Field(
        [], description="The fields of a .jsonl object that count; all texts in it where none is named"
    )
    length: int = Field(
        13, ge=5, le=63, description="So many characters in a row are a hit; blanks and punctuation do not count"
    )
    action: Literal["drop", "cut"] = Field(
        "drop", description="Drop a document with a hit, or cut the sentences that hold one"
    )
