"""The kit for segmenters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from zaoju.contracts import Options, Segmenter
from zaoju.testing.component import ComponentContract
from zaoju.testing.hostile_text import HOSTILE_TEXTS, unbroken_text
from zaoju.testing.processes import in_another_process, pieces_there
from zaoju.testing.random_text import for_random_texts
from zaoju.testing.requirements import pytest
from zaoju.tokenization import LosslessSegmenter

_TEXTS = tuple(HOSTILE_TEXTS.values())
_THREADS = 4


class SegmenterContract(ComponentContract):
    """Checks a `zaoju.Segmenter`: no text is lost, and the same text is always cut in the same way.

    ```python
    class TestMyWords(SegmenterContract):
        component = "my_words"
    ```
    """

    kind = "segmenter"

    thread_safe: ClassVar[bool] = True
    """False states that one object must not be used by several threads at once."""

    @pytest.fixture(scope="class")
    @classmethod
    def segmenter(cls) -> Segmenter[Options]:
        """The segmenter that is checked."""
        return cls.build(Segmenter)

    @pytest.mark.parametrize("name", HOSTILE_TEXTS)
    def test_no_hostile_text_is_lost(self, segmenter: Segmenter[Options], name: str) -> None:
        """White space and control characters may be left out, as the engine puts them back; nothing may change."""
        text = HOSTILE_TEXTS[name]
        assert "".join(LosslessSegmenter(segmenter).pieces(text)) == text

    def test_no_random_text_is_lost(self, segmenter: Segmenter[Options]) -> None:
        """As above, for texts that nobody thought of."""
        lossless = LosslessSegmenter(segmenter)

        def check(text: str) -> None:
            assert "".join(lossless.pieces(text)) == text

        for_random_texts(check)

    def test_long_text_without_punctuation(self, segmenter: Segmenter[Options]) -> None:
        """100,000 characters without a place to rest: no recursion limit, no quadratic time, no loss."""
        text = unbroken_text()
        assert "".join(LosslessSegmenter(segmenter).pieces(text)) == text

    def test_the_same_text_gives_the_same_pieces(self, segmenter: Segmenter[Options]) -> None:
        """Whatever was cut before, and in whichever order: a segmenter has no memory and throws no dice."""
        forwards = [segmenter.segment(text) for text in _TEXTS]
        backwards = [segmenter.segment(text) for text in reversed(_TEXTS)][::-1]
        assert forwards == backwards, "segment() gave other pieces for the same text the second time"

    def test_another_process_cuts_the_same(self, segmenter: Segmenter[Options]) -> None:
        """The engine builds it again from its options in worker processes, which get the texts in another order."""
        here = [segmenter.segment(text) for text in _TEXTS]
        there = in_another_process(pieces_there, self.resolved(), _TEXTS[::-1])
        assert there[::-1] == here, (
            "built again from its options in another process, it cuts differently: it remembers earlier texts, or "
            "depends on the order of a set"
        )

    def test_a_batch_is_cut_as_single_texts_are(self, segmenter: Segmenter[Options]) -> None:
        """`segment_batch` is only a faster way to the same pieces."""
        one_by_one = [segmenter.segment(text) for text in _TEXTS]
        assert segmenter.segment_batch(_TEXTS) == one_by_one, "segment_batch() gave other pieces than segment()"
        assert segmenter.segment_batch([]) == [], "segment_batch([]) must give []"

    def test_threads_cut_the_same(self, segmenter: Segmenter[Options]) -> None:
        """Several threads may share one object, unless `thread_safe = False` says otherwise."""
        if not self.thread_safe:
            pytest.skip("it says that it is not thread safe")
        alone = [segmenter.segment(text) for text in _TEXTS]
        with ThreadPoolExecutor(_THREADS) as pool:
            together = list(pool.map(segmenter.segment, _TEXTS * _THREADS))
        assert together == alone * _THREADS, "several threads at once get other pieces: protect it, or state it"
