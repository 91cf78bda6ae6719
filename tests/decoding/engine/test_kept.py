"""What is kept is bounded, whatever is asked for and however often it fails, and is made once."""

from __future__ import annotations

import threading

import pytest

from zaoju.generation.kept import Kept


def sizes(kept: Kept[int]) -> tuple[int, int]:
    return len(kept._made), len(kept._making)


def test_nothing_grows_with_what_is_asked_for() -> None:
    """Neither with new keys, nor with those that are there, nor with those that cannot be made."""
    kept = Kept[int](3)

    def fail() -> int:
        raise ValueError

    for number in range(50):
        assert kept.get(number, lambda number=number: number) == number
        assert kept.get(number, fail) == number
        with pytest.raises(ValueError):
            kept.get(f"wrong {number}", fail)
    assert sizes(kept) == (3, 0)


def test_the_last_that_were_asked_for_stay() -> None:
    kept, made = Kept[int](2), []
    for key in (1, 2, 1, 3, 1, 2):
        kept.get(key, lambda key=key: made.append(key) or key)
    assert made == [1, 2, 3, 2]


def test_threads_that_want_one_thing_make_it_once() -> None:
    kept, made, given = Kept[object](4), [], []
    started = threading.Barrier(8)

    def make() -> object:
        made.append(1)
        threading.Event().wait(0.05)
        return object()

    def ask() -> None:
        started.wait()
        given.append(kept.get("key", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len({id(one) for one in given}) == 1 and len(given) == 8
