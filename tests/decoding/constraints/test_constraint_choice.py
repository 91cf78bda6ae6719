"""The constraint `choice`, judged by the list itself, and what all constraints share."""

from __future__ import annotations

import random

import pytest
from following import any_cut, follow, next_bytes, random_walk, writes

from zaoju import TokenTable, UserError
from zaoju.testing.byte_table import ByteTable
from zaoju_builtin.decoding.constraints.choice import Choice
from zaoju_builtin.decoding.constraints.options import ChoiceOptions

CHOICES = ["春天", "春", "春江潮水", "我们", "😀", "a|b", "^.*$", "a/b", "\\", " 末尾\n", "喜", "善", "<|endoftext|>"]


def choice(*choices: str) -> Choice:
    return Choice(ChoiceOptions(choices=list(choices)))


def test_exactly_the_tokens_that_go_on_with_a_choice_are_allowed(table: TokenTable) -> None:
    matcher = choice(*CHOICES).compile(table)
    texts = [text.encode() for text in CHOICES]
    pieces = {token: piece for token in range(table.size) if (piece := table.bytes_of(token))}
    for seed in range(25):
        walk, ends = random_walk(matcher, table, seed)
        assert walk in texts
        for beginning, may_end in ends:
            assert may_end == (beginning in texts)
    for start in (b"", "春".encode(), "春".encode()[:2], "春江".encode(), b" "):
        here = follow(matcher.fork(), [_byte(table, value) for value in start])
        expected = {
            token for token, piece in pieces.items() if any(text.startswith(start + piece) for text in texts)
        } | ({table.end_of_text} if start in texts else set())
        assert set(here.allowed().nonzero().flatten().tolist()) == expected


def test_every_choice_can_be_written_in_every_spelling(table: TokenTable) -> None:
    matcher = choice(*CHOICES).compile(table)
    random_choice = random.Random(2)
    for text in CHOICES:
        assert writes(matcher, table, text)
        for _ in range(5):
            assert writes(matcher, table, text, any_cut(text, table, random_choice))


def test_a_single_choice_forces_no_spelling() -> None:
    table = ByteTable()
    matcher = choice("我们").compile(table)
    assert next_bytes(matcher, table) == {"我们".encode(), "我".encode(), "我".encode()[:1]}
    follow(matcher, table.encode("我们"))
    assert matcher.allowed().nonzero().flatten().tolist() == [table.end_of_text]


def test_characters_that_share_a_first_byte_are_told_apart_by_the_second() -> None:
    table = ByteTable()
    matcher = choice("喜", "善").compile(table)
    assert next_bytes(matcher, table) == {b"\xe5"}
    follow(matcher, [_byte(table, 0xE5)])
    assert next_bytes(matcher, table) == {b"\x96"}
    follow(matcher, [_byte(table, 0x96)])
    assert next_bytes(matcher, table) == {b"\x9c", b"\x84"}


@pytest.mark.parametrize("character", [chr(number) for number in range(128)])
def test_every_sign_stands_for_itself(character: str) -> None:
    table = ByteTable()
    matcher = choice(f"{character}x", "y").compile(table)
    assert next_bytes(matcher, table) == {character.encode(), b"y"}
    assert writes(matcher, table, f"{character}x")


def test_ten_thousand_choices(table: TokenTable) -> None:
    numbers = random.Random(3)
    texts = sorted({"".join(chr(numbers.randrange(0x4E00, 0x9FA5)) for _ in range(4)) for _ in range(10_000)})
    matcher = choice(*texts).compile(table)
    for text in texts[::500]:
        assert writes(matcher, table, text)
        assert not writes(matcher, table, text[:-1])
    walk, _ = random_walk(matcher, table, 4)
    assert walk.decode() in texts


class Poor(ByteTable):
    """A vocabulary that cannot write every byte, and in which two tokens are the same text."""

    def __init__(self, missing: bytes) -> None:
        super().__init__()
        self.missing = missing
        self.fingerprint = f"poor in {missing!r}"
        self.twin = self.size - 1

    def bytes_of(self, token: int) -> bytes | None:
        if token == self.twin:
            return b"a"
        piece = super().bytes_of(token)
        return None if piece == self.missing else piece


def test_where_the_vocabulary_cannot_go_on_no_token_is_left() -> None:
    table = Poor(b"b")
    matcher = choice("ab", "c").compile(table)
    assert next_bytes(matcher, table) == {b"a", b"c"}
    stuck = follow(matcher.fork(), [_byte(table, ord("a"))])
    assert not stuck.allowed().any()
    assert not stuck.allowed().any() and not stuck.fork().allowed().any()
    assert writes(matcher, table, "c")


class NamedEnd(ByteTable):
    """A vocabulary that gives the token for the end of a document a text, as some of Hugging Face do."""

    def bytes_of(self, token: int) -> bytes | None:
        return b"a" if token == self.end_of_text else super().bytes_of(token)


def test_the_end_of_text_is_never_allowed_for_its_name() -> None:
    table = NamedEnd()
    matcher = choice("a").compile(table)
    assert matcher.allowed().nonzero().flatten().tolist() == [1 + ord("a")]
    follow(matcher, [1 + ord("a")])
    assert matcher.allowed().nonzero().flatten().tolist() == [table.end_of_text]


def test_a_form_that_the_vocabulary_cannot_begin_is_refused() -> None:
    with pytest.raises(UserError, match="constraint choice: no text that this vocabulary can write"):
        choice("ba").compile(Poor(b"b"))


def test_tokens_with_the_same_text_are_all_allowed() -> None:
    table = Poor(b"b")
    matcher = choice("aa").compile(table)
    assert matcher.allowed().nonzero().flatten().tolist() == [_byte(table, ord("a")), table.twin]
    assert writes(matcher, table, "aa", [table.twin, _byte(table, ord("a"))])


def test_the_name_of_the_end_of_text_is_written_as_text_and_not_as_the_token(table: TokenTable) -> None:
    matcher = choice("<|endoftext|>").compile(table)
    assert not matcher.allowed()[table.end_of_text]
    assert writes(matcher, table, "<|endoftext|>")


def test_a_token_that_is_not_allowed_is_an_error_with_the_name_of_the_constraint(table: TokenTable) -> None:
    with pytest.raises(
        UserError, match=r"constraint choice: the text cannot be followed further: .*satisfy the grammar"
    ):
        choice("春").compile(table).accept(7)


def _byte(table: TokenTable, value: int) -> int:
    return next(token for token in range(table.size) if table.bytes_of(token) == bytes([value]))
