"""What a model has learned by heart, against a plain search."""

from __future__ import annotations

import random

from zaoju.evaluation import count_copied
from zaoju.evaluation.copied import PASSAGE


def test_it_is_what_a_plain_search_finds() -> None:
    draw = random.Random(5)
    documents = ["".join(draw.choices("天地玄黄宇宙洪荒", k=draw.randint(5, 90))) for _ in range(60)]
    written = [documents[3][:45] + "春眠不觉晓", documents[7] + documents[8], "处处闻啼鸟" * 9, documents[9][:19], ""]
    passages = {text[start : start + PASSAGE] for text in written for start in range(len(text) - PASSAGE + 1)}
    found = count_copied(written, documents)
    assert found.passages == len(passages)
    assert found.copied == sum(any(passage in document for document in documents) for passage in passages)
    assert 0 < found.share < 1, "those that reach over two documents are nobody's"


def test_signs_do_not_hide_a_copy() -> None:
    poem = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"
    found = count_copied([poem.replace("，", "\n").replace("。", " ")], [poem])
    assert (found.passages, found.copied, found.share) == (1, 1, 1.0)


def test_short_texts_have_nothing_to_copy() -> None:
    assert count_copied(["春眠不觉晓"], ["春眠不觉晓"]).share == 0.0
    assert count_copied([], []).passages == 0
