"""The proposer `prompt_lookup`, against a search through the whole text."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju import DraftRequest
from zaoju_builtin.decoding.proposers.options import PromptLookupOptions
from zaoju_builtin.decoding.proposers.prompt_lookup import PromptLookup


def request(text: int, tokens: Sequence[int], room: int = 100) -> DraftRequest:
    return DraftRequest(text, tokens, room, lambda ahead: 0.5)


def lookup(max_tokens: int = 8, max_ngram: int = 4, min_ngram: int = 2) -> PromptLookup:
    return PromptLookup(PromptLookupOptions(max_tokens=max_tokens, max_ngram=max_ngram, min_ngram=min_ngram))


def naive(tokens: list[int], options: PromptLookupOptions) -> list[int]:
    """Every size, longest first; every place, last first."""
    for size in range(options.max_ngram, options.min_ngram - 1, -1):
        for end in range(len(tokens) - 1, size - 1, -1):
            if tokens[end - size : end] == tokens[-size:]:
                draft = list(tokens)
                for ahead in range(options.max_tokens):
                    draft.append(draft[end + ahead])
                return draft[len(tokens) :]
    return []


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    chunks=st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 3), min_size=1, max_size=9)), max_size=25),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    max_tokens=st.integers(1, 12),
)
def test_drafts_of_growing_texts_are_those_of_a_search_through_all(
    chunks: list[tuple[int, list[int]]], sizes: tuple[int, int], max_tokens: int
) -> None:
    proposer = lookup(max_tokens, max(sizes), min(sizes))
    texts: list[list[int]] = [[], [], []]
    for number, chunk in chunks:
        texts[number] += chunk
        going = [text for text in range(3) if texts[text]]
        drafts = proposer.propose([request(text, texts[text]) for text in going])
        assert list(map(list, drafts)) == [naive(texts[text], proposer.options) for text in going]


def test_the_longest_match_counts_and_then_the_last() -> None:
    text = [1, 2, 3, 50, 9, 2, 3, 60, 8, 2, 3, 70, 1, 2, 3]
    assert lookup(1, max_ngram=3).propose([request(0, text)]) == [[50]]
    assert lookup(1, max_ngram=2).propose([request(0, text)]) == [[70]]
    assert lookup(1, max_ngram=3).propose([request(0, text[:-3])]) == [[]]


def test_a_repetition_goes_on_and_stops_where_there_is_no_room() -> None:
    proposer = lookup(5)
    assert proposer.propose([request(0, [1, 2, 3, 1, 2, 3, 1, 2])]) == [[3, 1, 2, 3, 1]]
    assert proposer.propose([request(1, [4, 4, 4])]) == [[4, 4, 4, 4, 4]]
    assert proposer.propose([request(2, [4, 4, 4], room=2), request(3, [4, 4, 4], room=0)]) == [[4, 4], []]


class Counted(Sequence[int]):
    """Tokens that count how many of them were looked at."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.looks = 0

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, place: int | slice) -> int | list[int]:  # type: ignore[override]
        found = self.tokens[place]
        self.looks += len(found) if isinstance(found, list) else 1
        return found


def test_a_token_costs_the_same_however_long_the_text_is() -> None:
    proposer, text = lookup(1), Counted()
    costs = []
    for length in range(1, 3001):
        text.tokens.append(length)
        before = text.looks
        proposer.propose([request(0, text)])
        costs.append(text.looks - before)
    assert max(costs[10:]) == min(costs[10:]) == 2 * (2 + 3 + 4)


def test_a_text_that_has_ended_is_forgotten() -> None:
    proposer = lookup()
    text = [1, 2, 3, 1, 2]
    first = proposer.propose([request(7, text)])
    proposer.forget(7)
    proposer.forget(8)
    assert proposer.propose([request(7, [9, 1, 2])]) == [[]]
    proposer.forget(7)
    assert proposer.propose([request(7, text)]) == first
