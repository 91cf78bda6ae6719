"""What a tokenizer consists of, whatever folder it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from zaoju.tokenization.byte_level import END_OF_TEXT

if TYPE_CHECKING:
    from zaoju.plugins import ResolvedComponent

PORTABLE_SETTINGS: Mapping[str, object] = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": END_OF_TEXT,
    "eos_token": END_OF_TEXT,
    # A text that contains the literal string stays plain text in transformers too.
    "split_special_tokens": True,
    "clean_up_tokenization_spaces": False,
}


@dataclass(frozen=True, slots=True)
class TokenizerParts:
    """The parts of a `Tokenizer`: what is written to a folder, and read back."""

    backend: Backend
    """The vocabulary and its algorithm."""

    end_of_text: int
    """The id of the token that ends a text."""

    beginning: tuple[int, ...]
    """The ids that start a text."""

    segmenter: ResolvedComponent | None = None
    """What cuts the text before the backend sees it; None for a portable tokenizer."""

    settings: Mapping[str, object] = field(default_factory=lambda: PORTABLE_SETTINGS)
    """What `tokenizer_config.json` says to transformers."""


def with_end_of_text(backend: Backend, segmenter: ResolvedComponent | None) -> TokenizerParts:
    """The parts around a newly built vocabulary: adds `<|endoftext|>`, which both ends and starts a text."""
    backend.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    end_of_text = backend.get_vocab(with_added_tokens=True)[END_OF_TEXT]
    return TokenizerParts(backend, end_of_text, (end_of_text,), segmenter)


def with_marks(parts: TokenizerParts) -> TokenizerParts:
    """The same tokenizer with a mark before the turns of each role, and a chat template that writes them.

    An answer ends with the token that ends a text, so a model that has learned to end texts ends answers.
    """
    backend = Backend.from_str(parts.backend.to_str())
    marks = {role: _free_name(backend, role) for role in ("system", "user", "assistant")}
    backend.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks.values()])
    settings = {
        **parts.settings,
        # Otherwise transformers would take the marks that the template writes for text too.
        "split_special_tokens": False,
        "chat_template": _template(backend, parts, marks),
    }
    return replace(parts, backend=backend, settings=settings)


def _free_name(backend: Backend, role: str) -> str:
    """A name that is no token yet: a vocabulary may have learned the usual one from a text that says it."""
    name, number = f"<|{role}|>", 1
    while backend.token_to_id(name) is not None:
        number += 1
        name = f"<|{role}{number}|>"
    return name


def _template(backend: Backend, parts: TokenizerParts, marks: Mapping[str, str]) -> str:
    beginning = "".join(str(backend.id_to_token(token)) for token in parts.beginning)
    end = json.dumps(backend.id_to_token(parts.end_of_text))
    return (
        f"{{{{ {json.dumps(beginning)} }}}}"
        f"{{% set marks = {json.dumps(marks)} %}}"
        "{% for message in messages %}"
        "{{ marks[message['role']] + message['content'] }}"
        f"{{% if message['role'] == 'assistant' %}}{{{{ {end} }}}}{{% endif %}}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ marks['assistant'] }}{% endif %}"
    )
