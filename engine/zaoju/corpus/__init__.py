"""The corpus stage: read, clean, drop duplicates, hold out, and account for everything."""

from __future__ import annotations

from zaoju.corpus.account import Account, Count
from zaoju.corpus.byte_spans import plan_spans
from zaoju.corpus.conversations import turns_of
from zaoju.corpus.documents import read_documents
from zaoju.corpus.inspection import Inspection, ReaderSuggestion, inspect_files
from zaoju.corpus.json_text import parse_object, text_of
from zaoju.corpus.near_pairs import NearPair, read_near_pairs
from zaoju.corpus.ngrams import ngram_hashes
from zaoju.corpus.opening import contents
from zaoju.corpus.packed_names import is_packed
from zaoju.corpus.prepare import prepare
from zaoju.corpus.report import Example, Examples, Lengths, Report, SourceAccount, read_report, read_sources
from zaoju.corpus.shard_making import Elsewhere
from zaoju.corpus.source_files import SourceFile, describe, find_files, fingerprint_files
from zaoju.corpus.text_lines import Line, TextLines
from zaoju.corpus.tolerant_decoding import Span

__all__ = [
    "Account",
    "Count",
    "Elsewhere",
    "Example",
    "Examples",
    "Inspection",
    "Lengths",
    "Line",
    "NearPair",
    "ReaderSuggestion",
    "Report",
    "SourceAccount",
    "SourceFile",
    "Span",
    "TextLines",
    "contents",
    "describe",
    "find_files",
    "fingerprint_files",
    "inspect_files",
    "is_packed",
    "ngram_hashes",
    "parse_object",
    "plan_spans",
    "prepare",
    "read_documents",
    "read_near_pairs",
    "read_report",
    "read_sources",
    "text_of",
    "turns_of",
]
