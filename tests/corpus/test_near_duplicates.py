"""Near-duplicates: against brute force, whatever the order; planted edits, short texts, crowds of boilerplate."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zaoju.corpus.near_duplicates as near_duplicates_module
import zaoju.corpus.sketches as sketches_module
from zaoju import CorpusError
from zaoju.config import NearDuplicates
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.near_duplicates import NearDuplicatesFound, find_near_duplicates
from zaoju.corpus.ngrams import jaccard, ngram_hashes
from zaoju.corpus.sketches import Sketcher, bands_and_rows

DEFAULT = NearDuplicates()


def find(texts: Sequence[str], options: NearDuplicates = DEFAULT) -> NearDuplicatesFound:
    sketcher = Sketcher(options)
    records = b"".join(sketcher.sketch(text, text_digest(text)) for text in texts)
    return find_near_duplicates(
        np.frombuffer(records, sketcher.dtype), texts.__getitem__, sketcher, watch=lambda done, of: None
    )


def ngrams(text: str, size: int = 5) -> set[str]:
    """The definition in one line, without any hash."""
    letters = "".join(character for character in text if character.isalnum())
    return {letters[start : start + size] for start in range(len(letters) - size + 1)}


def similarity(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


def written(chance: random.Random, length: int) -> str:
    """Text of a skewed alphabet, with punctuation."""
    characters = [chr(0x4E00 + int(chance.expovariate(1 / 300))) for _ in range(length)]
    return "".join(character + ("，" if chance.random() < 0.08 else "") for character in characters)


def edited(text: str, share: float, chance: random.Random) -> str:
    """A copy in which a share of the characters is replaced, left out or doubled."""
    out = []
    for character in text:
        kind = chance.random()
        if kind < share:
            out.append(chance.choice(["", character * 2, chr(0x4E00 + chance.randrange(3000))]))
        else:
            out.append(character)
    return "".join(out)


def planted(count: int, seed: int) -> list[str]:
    """Texts with copies that have 0.5 to 4 % of the characters changed, and copies of these, and halves."""
    chance = random.Random(seed)
    texts = []
    for _ in range(count):
        text = written(chance, chance.randrange(60, 600))
        texts.append(text)
        for _ in range(chance.randrange(4)):
            texts.append(edited(text, chance.uniform(0.005, 0.04), chance))
        if chance.random() < 0.5:
            texts.append(text[: len(text) // 2] + written(chance, len(text) // 2))
        if chance.random() < 0.5:
            texts.append(edited(texts[-1], 0.02, chance))
    unique = list(dict.fromkeys(texts))
    chance.shuffle(unique)
    return unique


def recall_and_wrong(texts: Sequence[str], found: NearDuplicatesFound) -> tuple[float, int]:
    """The share of truly similar pairs of which one document went, and how many went for a document unlike them."""
    sets = [ngrams(text) for text in texts]
    gone = {item.document for item in found.found}
    alike = [pair for pair in combinations(range(len(texts)), 2) if similarity(sets[pair[0]], sets[pair[1]]) >= 0.8]
    settled = sum(one in gone or other in gone for one, other in alike)
    wrong = sum(similarity(sets[item.document], sets[item.stays]) < 0.8 for item in found.found)
    assert len(alike) > 80
    return settled / len(alike), wrong


def test_planted_edits_are_found_and_nothing_else_goes() -> None:
    texts = planted(90, seed=3)
    found = find(texts)
    recall, wrong = recall_and_wrong(texts, found)
    assert recall >= 0.98
    assert wrong == 0
    assert found.crowded == 0


def test_the_longest_stays_and_the_similarity_is_the_true_one() -> None:
    texts = planted(40, seed=4)
    found = find(texts)
    gone = {item.document for item in found.found}
    for item in found.found:
        assert item.stays not in gone
        assert item.similarity == pytest.approx(similarity(ngrams(texts[item.document]), ngrams(texts[item.stays])))
        assert (-len(texts[item.stays]), text_digest(texts[item.stays])) < (
            -len(texts[item.document]),
            text_digest(texts[item.document]),
        )


def of_one_text_only(text: str, size: int) -> np.ndarray:
    """No n-gram of two texts is ever the same."""
    return np.unique(ngram_hashes(text, size) ^ np.frombuffer(text_digest(text), np.uint64)[0])


def in_order(text: str, size: int) -> np.ndarray:
    """The first character decides."""
    return np.unique(ngram_hashes(text, size) % np.uint64(3))


@pytest.mark.parametrize("bad", [of_one_text_only, in_order])
def test_a_bad_hash_fails_the_measure(bad: Callable[[str, int], np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure above has teeth: brute force knows no hash."""
    monkeypatch.setattr(sketches_module, "ngram_hashes", bad)
    texts = planted(90, seed=3)
    recall, wrong = recall_and_wrong(texts, find(texts))
    assert recall < 0.9 or wrong > 0


def comparisons(texts: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many pairs had to be compared."""
    calls: list[None] = []

    def counted(one: np.ndarray, other: np.ndarray) -> float:
        calls.append(None)
        return jaccard(one, other)

    monkeypatch.setattr(near_duplicates_module, "jaccard", counted)
    find(texts)
    monkeypatch.undo()
    return len(calls)


def test_few_comparisons_are_in_vain_and_an_orderly_hash_makes_many(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(9)
    texts = [written(chance, 300) for _ in range(300)]
    assert comparisons(texts, monkeypatch) <= 3
    # Bands of which only three bits are looked at: everything meets everything.
    monkeypatch.setattr(sketches_module, "fold_rows", lambda rows: rows[:, 0] % np.uint64(8))
    assert comparisons(texts, monkeypatch) > 1000


word = st.text(st.sampled_from("春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"), min_size=3, max_size=6)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=6), max_size=20),
    st.lists(word, min_size=6, max_size=6),
    st.randoms(),
)
def test_what_stays_does_not_depend_on_the_order(
    lists: list[list[int]], words: list[str], chance: random.Random
) -> None:
    texts = list(dict.fromkeys("".join(words[index] for index in indexes) for indexes in lists))
    options = NearDuplicates(threshold=0.5, ngram=3)
    shuffled = list(texts)
    chance.shuffle(shuffled)
    first, second = find(texts, options), find(shuffled, options)
    assert {(texts[item.document], texts[item.stays], item.similarity) for item in first.found} == {
        (shuffled[item.document], shuffled[item.stays], item.similarity) for item in second.found
    }
    assert [item.document for item in second.found] == sorted(item.document for item in second.found)


def test_a_chain_of_small_edits_does_not_pull_in_what_is_unlike() -> None:
    """Each text is like the next one, and the first is unlike the last: connected components would keep one of all."""
    chance = random.Random(5)
    long = written(chance, 900).replace("，", "")
    texts = [long[start : start + 400] for start in range(0, 500, 20)]
    found = find(texts)
    sets = [ngrams(text) for text in texts]
    assert similarity(sets[0], sets[1]) >= 0.8
    assert similarity(sets[0], sets[-1]) == 0
    assert all(similarity(sets[item.document], sets[item.stays]) >= 0.8 for item in found.found)
    assert 5 <= len(found.found) < len(texts) - 1


def test_punctuation_and_white_space_do_not_count() -> None:
    assert [item.similarity for item in find(["春眠不觉晓，处处闻啼鸟。", "春眠不觉晓 处处闻啼鸟\n"]).found] == [1.0]


@pytest.mark.parametrize("texts", [[], ["春"], ["春眠不觉", "春眠不觉！"], ["……", "，。"], ["春眠不觉晓处处", ""]])
def test_texts_without_an_ngram_stay(texts: list[str]) -> None:
    assert find(texts).found == ()


def test_smaller_ngrams_compare_short_texts() -> None:
    verses = ["床前明月光疑是地上霜举头望明月低头思故乡", "床前看月光疑是地上霜举头望山月低头思故乡"]
    assert find(verses).found == ()
    assert len(find(verses, NearDuplicates(threshold=0.5, ngram=2)).found) == 1


def test_a_crowd_that_shares_boilerplate_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text has the same long beginning and its own end, none is like another: they all stay, in bounded work."""
    chance = random.Random(6)
    licence = written(chance, 250)
    texts = [licence + written(chance, 250) for _ in range(600)]
    monkeypatch.setattr(near_duplicates_module, "_MOST_IN_A_BUCKET", 4)
    watched: list[tuple[int, int]] = []
    sketcher = Sketcher(NearDuplicates(threshold=0.5))
    records = b"".join(sketcher.sketch(text, text_digest(text)) for text in texts)
    found = find_near_duplicates(
        np.frombuffer(records, sketcher.dtype),
        texts.__getitem__,
        sketcher,
        watch=lambda done, of: watched.append((done, of)),
    )
    assert found.found == ()
    assert found.crowded > 0
    assert watched == [(number, len(watched)) for number in range(len(watched))]


def test_little_is_kept_of_documents_that_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = planted(40, seed=8)
    whole = find(texts)
    monkeypatch.setattr(near_duplicates_module, "_KEPT_BYTES", 1)
    assert find(texts) == whole


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0])
def test_bands_find_a_pair_just_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_and_rows(threshold)
    assert 1 - (1 - threshold**rows) ** bands >= 0.98
    assert bands * rows <= 128


def test_jaccard_of_hashes_is_that_of_the_ngrams() -> None:
    texts = planted(10, seed=10)
    for one, other in combinations(texts, 2):
        expected = similarity(ngrams(one), ngrams(other))
        assert jaccard(ngram_hashes(one, 5), ngram_hashes(other, 5)) == pytest.approx(expected)


def test_an_astral_hanzi_is_one_character() -> None:
    assert len(ngram_hashes("𠮷𠮷𠮷𠮷𠮶", 5)) == 1


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rensa", None)
    with pytest.raises(CorpusError, match=r"pip install 'zaoju\[near-duplicates\]'"):
        Sketcher(DEFAULT)
