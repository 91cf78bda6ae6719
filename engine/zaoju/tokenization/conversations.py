"""Conversations as tokens: what a chat template writes around the turns, and which tokens are an answer.

The marks of a template are special tokens, and the text of a turn is encoded as text. So nothing that anyone says can
be taken for a mark: a literal `<|assistant|>` in a turn is just these characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from tokenizers import Tokenizer as Backend

from zaoju.contracts import Turn
from zaoju.errors import UserError

if TYPE_CHECKING:
    from zaoju.tokenization.parts import TokenizerParts

_PROBE = (Turn("user", "我想 <b>1984</b>\n\nI want"), Turn("assistant", "春天。\n ok!"))
_MARK = "\ufdd0{}\ufdd1"
"""Stands for the text of a turn. Unicode keeps these two for a program's own use; no turn is asked to hold them."""

_VARIABLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_SHAPES_KEPT = 4096


@dataclass(frozen=True, slots=True)
class ConversationTokens:
    """A conversation as the model reads it."""

    ids: list[int]
    counts: list[bool]
    """For each token whether it is part of an answer; the token that ends an answer is."""


class TextEncoder(Protocol):
    """What encodes the text of a turn, in which a literal mark is text: the tokenizer that the template belongs to."""

    @property
    def live(self) -> bool:
        """Whether it needs a segmenter."""

    def encode(self, text: str) -> list[int]: ...

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]: ...


class ConversationEncoder:
    """Encodes conversations by the chat template of a tokenizer, as transformers' `apply_chat_template` does.

    What the template writes between the turns depends on the roles alone, so it is asked once for each order of roles.
    Raises `UserError` where the tokenizer has no template, or one that cannot be used here.
    """

    def __init__(self, parts: TokenizerParts, tokenizer: TextEncoder) -> None:
        template = chat_template(parts.settings)
        if template is None:
            raise UserError(
                "this tokenizer has no chat template, which says where a turn begins and ends: take a model that was "
                "trained on conversations (docs/fine-tuning.md), or let it go on with a plain text"
            )
        self._template = template
        self._settings = parts.settings
        self._tokenizer = tokenizer
        # A second one, since the tokenizer's own takes a literal mark for text.
        self._backend = Backend.from_str(parts.backend.to_str())
        self._between = lru_cache(maxsize=_SHAPES_KEPT)(self._tokens_between)

    def encode(self, turns: Sequence[Turn]) -> ConversationTokens:
        """A whole conversation. Raises `UserError` for an order of roles that the template refuses."""
        return self.join(turns, self._tokenizer.encode_batch([turn.text for turn in turns]))

    def join(self, turns: Sequence[Turn], contents: Sequence[Sequence[int]]) -> ConversationTokens:
        """A whole conversation, of which the tokens of each turn's text are known."""
        first, *others = self._between(tuple(turn.role for turn in turns))
        ids, counts = list(first.ids), list(first.counts)
        for turn, content, after in zip(turns, contents, others, strict=True):
            ids += [*content, *after.ids]
            counts += [turn.role == "assistant"] * len(content) + after.counts
        return ConversationTokens(ids, counts)

    def prompt(self, turns: Sequence[Turn]) -> tuple[list[int], list[int]]:
        """What the model reads before it answers `turns`: the tokens that begin a conversation, and all others."""
        first, *others = self._texts_between([turn.role for turn in turns], asks=True)
        ids: list[int] = []
        for turn, after in zip(turns, others, strict=True):
            ids += [*self._tokenizer.encode(turn.text), *self._encode(after)]
        return self._encode(first), ids

    @cached_property
    def end(self) -> int:
        """The token that ends an answer."""
        return self._between(("user", "assistant"))[-1].ids[0]

    def check(self) -> None:
        """Raise `UserError` where training and transformers would not see the same tokens, or text could be a mark."""
        marks = [token for token in [self.end, *self._encode(self._header)] if token in self._special]
        for token in marks:
            if token in self._tokenizer.encode(self._special[token]):
                raise self._useless(f"text that says {self._special[token]!r} would be the mark of that name")
        whole = self._render([{"role": turn.role, "content": turn.text} for turn in _PROBE], asks=False)
        if not self._tokenizer.live and self._encode(whole) != self.encode(_PROBE).ids:
            raise self._useless("its tokens reach over the beginning or the end of a turn")

    @cached_property
    def _header(self) -> str:
        """What the template writes to ask for an answer."""
        plain, asking = (self._texts_between(["user"], asks=asks)[-1] for asks in (False, True))
        header = asking.removeprefix(plain)
        if not asking.startswith(plain) or not any(token in self._special for token in self._encode(header)):
            raise self._useless("no special token tells where an answer begins")
        return header

    @cached_property
    def _special(self) -> Mapping[int, str]:
        added = self._backend.get_added_tokens_decoder()
        return {number: token.content for number, token in added.items() if token.special}

    def _tokens_between(self, roles: tuple[str, ...]) -> list[ConversationTokens]:
        """What stands before, between and after the turns of a conversation."""
        texts = self._texts_between(roles, asks=False)
        between = []
        for text, role_before, role_after in zip(texts, ["", *roles], [*roles, ""], strict=True):
            begun = ""
            if role_after == "assistant":
                # What some templates write after their own question is what the model will have to write.
                before, header, begun = text.rpartition(self._header)
                if not header:
                    raise self._useless("it begins an answer in another way than it asks for one")
                text = before + header
            ids, answer = self._encode(text), self._encode(begun)
            counts = [False] * len(ids) + [True] * len(answer)
            if role_before == "assistant":
                if not ids or ids[0] not in self._special:
                    raise self._useless("no special token ends an answer")
                counts[0] = True
            between.append(ConversationTokens(ids + answer, counts))
        return between

    def _texts_between(self, roles: Sequence[str], *, asks: bool) -> list[str]:
        marks = [_MARK.format(number) for number in range(len(roles))]
        rest = self._render(
            [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)], asks=asks
        )
        texts = []
        for mark in marks:
            before, found, rest = rest.partition(mark)
            if not found:
                raise self._useless(f"it leaves out a turn of {', '.join(roles)}")
            texts.append(before)
        if any(_MARK[0] in text for text in (*texts, rest)):
            raise self._useless("it repeats what was said")
        return [*texts, rest]

    def _render(self, messages: list[dict[str, str]], *, asks: bool) -> str:
        # Deferred: transformers takes its time, and plain text needs no template.
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            given: object = render_jinja_template(
                conversations=[messages],
                chat_template=self._template,
                add_generation_prompt=asks,
                **_variables(self._settings),
            )
        except (TemplateError, ImportError, TypeError, ValueError) as error:
            roles = ", ".join(message["role"] for message in messages)
            raise UserError(
                f"the chat template of this model refuses turns of {roles}: {error}; bring the conversations into the "
                "form that it wants, or use a model with another template"
            ) from error
        # transformers states another type for the texts and what else it gives.
        texts, _ = cast("tuple[list[str], object]", given)
        return texts[0]

    def _encode(self, text: str) -> list[int]:
        """The tokens of what a template writes, marks included."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def _useless(self, reason: str) -> UserError:
        return UserError(
            f"the chat template of this model cannot be trained with: {reason}; replace `chat_template` in its "
            "tokenizer_config.json (or chat_template.jinja) by another one, or take another model"
        )


def chat_template(settings: Mapping[str, object]) -> str | None:
    """The template in what a `tokenizer_config.json` says; of several the one named `default`."""
    given = settings.get("chat_template")
    if isinstance(given, list):
        given = {one.get("name"): one.get("template") for one in given if isinstance(one, dict)}
    if isinstance(given, dict):
        given = given.get("default")
    return given if isinstance(given, str) else None


def _variables(settings: Mapping[str, object]) -> dict[str, Any]:
    """The special tokens that a template may name, as transformers gives them."""
    found: dict[str, Any] = {}
    for name in _VARIABLES:
        token = settings.get(name)
        if isinstance(token, dict):
            token = token.get("content")
        if isinstance(token, str):
            found[name] = token
    return found
