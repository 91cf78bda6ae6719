"""Near-duplicates: how fast, how many are found, and what is left out wrongly, beside datasketch.

    python benchmarks/near_duplicates.py FILE... [--characters 1200] [--documents 2000] [--rounds 3]

The files are UTF-8 text; they are cut into documents of so many characters. To every third one a copy is planted with
0.5 to 4 % of its characters replaced, left out or doubled. The truth comes from brute force over sets of n-grams,
without any hash. `wrong` are documents that went for one that has less than 0.6 in common with them. datasketch gets
the usual 14 bands of 8 rows over the same n-grams, as byte strings, and its candidates are not verified.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import measuring
import numpy as np

from zaoju.config import NearDuplicates
from zaoju.corpus.held_out import text_digest
from zaoju.corpus.near_duplicates import find_near_duplicates
from zaoju.corpus.sketches import Sketcher

OPTIONS = NearDuplicates()
BANDS, ROWS = 14, 8

Pair = tuple[int, int]
"""The places of two documents: of the one that goes, and of the one that stays; of a pair of the truth, in order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--characters", type=int, default=1200, help="of a document")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    texts = planted("".join(file.read_text("utf-8") for file in arguments.files), arguments)
    truth = similar_pairs(texts)
    alike = {pair for pair, similarity in truth.items() if similarity >= OPTIONS.threshold}
    print(measuring.machine("numpy", "rensa", "datasketch"))
    length = sum(map(len, texts)) / len(texts)
    print(f"{len(texts):,} documents of {length:,.0f} characters; {len(alike):,} pairs are alike\n")
    rows = [("", "documents/s", "per core-second", "pairs", "recall", "wrong")]
    found: dict[str, Callable[[], set[Pair]]] = {"zaoju": lambda: zaoju_pairs(texts)}
    try:
        import datasketch  # noqa: F401  # looked for, not used here

        found["datasketch"] = lambda: datasketch_pairs(texts)
    except ImportError:
        print("datasketch is not installed: pip install datasketch\n")
    seconds = measuring.in_turn(dict(found), arguments.rounds)
    sketching = measuring.in_turn({"": lambda: sketches(texts)}, arguments.rounds)[""]
    of_a_core = len(texts) / processor_seconds(lambda: sketches(texts))
    speed = len(texts) / statistics.median(sketching)
    rows.append(("zaoju, sketches alone", f"{speed:,.0f}", f"{of_a_core:,.0f}", "", "", ""))
    for name, run in found.items():
        of_a_core = len(texts) / processor_seconds(run)
        pairs = run()
        recall = settled(alike, pairs) / len(alike)
        wrong = len({one for one, other in pairs if truth.get((min(one, other), max(one, other)), 0.0) < 0.6})
        speed = len(texts) / statistics.median(seconds[name])
        rows.append((name, f"{speed:,.0f}", f"{of_a_core:,.0f}", f"{len(pairs):,}", f"{recall:.4f}", f"{wrong:,}"))
    print(measuring.rendered(rows, markdown=False))
    if "datasketch" in seconds:
        times = measuring.ratios(seconds["datasketch"], seconds["zaoju"])
        print(f"\ndatasketch / zaoju, time: {measuring.spread(times, 1)}")
    print(f"a sketch has {Sketcher(OPTIONS).dtype.itemsize} bytes")


def processor_seconds(run: Callable[[], object]) -> float:
    """Seconds that all threads of this process compute, whatever else the machine does."""
    started = time.process_time()
    run()
    return time.process_time() - started


def planted(text: str, arguments: argparse.Namespace) -> list[str]:
    """Documents and edited copies of every third of them, in a mixed order."""
    chance = random.Random(1)
    size = arguments.characters
    whole = [text[start : start + size] for start in range(0, len(text) - size, size)][: arguments.documents]
    copies = [edited(document, chance.uniform(0.005, 0.04), chance) for document in whole[::3]]
    texts = list(dict.fromkeys([*whole, *copies]))
    chance.shuffle(texts)
    return texts


def edited(text: str, share: float, chance: random.Random) -> str:
    """A copy in which a share of the characters is replaced, left out or doubled."""
    return "".join(
        chance.choice(["", one * 2, chance.choice(text)]) if chance.random() < share else one for one in text
    )


def similar_pairs(texts: Sequence[str]) -> dict[Pair, float]:
    """The Jaccard similarity of every two documents that share an n-gram, by counting what they share."""
    sets = [ngrams(text) for text in texts]
    having: dict[str, list[int]] = defaultdict(list)
    shared = Counter[Pair]()
    for place, grams in enumerate(sets):
        for gram in grams:
            shared.update((other, place) for other in having[gram])
            having[gram].append(place)
    return {(one, other): count / (len(sets[one]) + len(sets[other]) - count) for (one, other), count in shared.items()}


def ngrams(text: str) -> set[str]:
    """The n-grams of a text, as the documentation defines them."""
    letters = "".join(character for character in text if character.isalnum())
    return {letters[start : start + OPTIONS.ngram] for start in range(len(letters) - OPTIONS.ngram + 1)}


def settled(alike: set[Pair], pairs: set[Pair]) -> int:
    """Of how many pairs that are alike one document goes."""
    gone = {one for one, _ in pairs}
    return sum(one in gone or other in gone for one, other in alike)


def sketches(texts: Sequence[str]) -> tuple[Sketcher, bytes]:
    """The sketches of all texts, one after the other, as a shard makes them."""
    sketcher = Sketcher(OPTIONS)
    return sketcher, b"".join(sketcher.sketch(text, text_digest(text)) for text in texts)


def zaoju_pairs(texts: Sequence[str]) -> set[Pair]:
    """Each document that goes with the one that stays."""
    sketcher, records = sketches(texts)
    found = find_near_duplicates(
        np.frombuffer(records, sketcher.dtype), texts.__getitem__, sketcher, lambda done, total: None
    )
    return {(one.document, one.stays) for one in found.found}


def datasketch_pairs(texts: Sequence[str]) -> set[Pair]:
    """Each document with every earlier one of which datasketch's index says that it may be alike."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    pairs: set[Pair] = set()
    for place, text in enumerate(texts):
        minhash = MinHash(num_perm=BANDS * ROWS)
        minhash.update_batch([gram.encode() for gram in ngrams(text)])
        pairs.update((place, other) for other in index.query(minhash))
        index.insert(place, minhash)
    return pairs


if __name__ == "__main__":
    main()
