"""The watermark is found with its key and not without, and is no mark at all at 0."""

from __future__ import annotations

import pytest
from word_references import green

from zaoju import Engine, UserError
from zaoju.testing import decoding_engine
from zaoju_builtin.decoding.transforms.watermark_detector import WatermarkDetector

KEY = 12345678901


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine(context_length=400, spread=1.0)


def texts(engine: Engine, **options: object) -> list[tuple[int, ...]]:
    return [
        engine.generate("我想", strategy="watermark", seed=seed, max_new_tokens=200, **options).token_ids
        for seed in range(6)
    ]


def test_it_is_found_with_its_key_alone(engine: Engine) -> None:
    marked = [one for one in texts(engine, watermark_key=KEY) if len(one) > 60]
    assert len(marked) >= 3
    assert min(WatermarkDetector(0.25, KEY).detect(one).z for one in marked) > 6
    assert max(abs(WatermarkDetector(0.25, KEY + 1).detect(one).z) for one in marked) < 4
    assert max(WatermarkDetector(0.25, KEY).detect(one).p for one in marked) < 1e-8


def test_a_plain_text_bears_none(engine: Engine) -> None:
    plain = [one for one in texts(engine, watermark_key=KEY, watermark_delta=0.0) if len(one) > 60]
    assert max(abs(WatermarkDetector(0.25, KEY).detect(one).z) for one in plain) < 4
    same = [engine.generate("我想", strategy="sample", seed=seed, max_new_tokens=200).token_ids for seed in range(6)]
    assert texts(engine, watermark_key=KEY, watermark_delta=0.0) == same


def test_the_count_is_that_of_the_definition(engine: Engine) -> None:
    """Each pair once, by arithmetic that cannot overflow."""
    for tokens in texts(engine, watermark_key=KEY, watermark_gamma=0.5):
        evidence = WatermarkDetector(0.5, KEY).detect([*tokens, *tokens])
        pairs = set(zip([*tokens, *tokens], [*tokens, *tokens][1:], strict=False))
        assert evidence.pairs == len(pairs)
        assert evidence.green == sum(green(KEY, 0.5, before, token) for before, token in pairs)


@pytest.mark.parametrize("gamma", [0.1, 0.25, 0.5, 0.9])
def test_a_green_list_has_its_share(gamma: float) -> None:
    """Of 200 lists of 500 tokens: the share, and every list another."""
    lists = [tuple(green(KEY, gamma, before, token) for token in range(500)) for before in range(200)]
    share = sum(map(sum, lists)) / (200 * 500)
    assert share == pytest.approx(gamma, abs=0.01)
    assert len(set(lists)) == 200


def test_too_short_a_text_and_a_wrong_key_are_told_of() -> None:
    with pytest.raises(UserError, match="pairs of tokens, and the text has 1"):
        WatermarkDetector(0.25, KEY).detect([3])
    with pytest.raises(UserError, match="gamma between 0 and 1"):
        WatermarkDetector(1.5, KEY)
