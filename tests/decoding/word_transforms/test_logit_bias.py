"""The bias of a token, named by its text or its number."""

from __future__ import annotations

import pytest
import torch
from transformers import SequenceBiasLogitsProcessor

from zaoju import Engine, UserError
from zaoju.config import resolve_decoding
from zaoju.generation.columns import stack_padded
from zaoju.testing import decoding_engine
from zaoju_builtin.decoding.transforms.logit_bias import LogitBias


@pytest.fixture(scope="module")
def engine() -> Engine:
    return decoding_engine()


def test_a_strong_bias_decides(engine: Engine) -> None:
    wanted = engine.generate("我", strategy="logit_bias", logit_bias={"好": 1000}, seed=1, max_new_tokens=5)
    assert wanted.text == "好好好好好"
    for seed in range(20):
        text = engine.generate("我", strategy="logit_bias", logit_bias={"好": -1000}, seed=seed, max_new_tokens=30)
        assert engine.tokenizer.encode("好")[0] not in text.token_ids


def test_a_number_names_the_same_token(engine: Engine) -> None:
    [token] = engine.tokenizer.encode("好")
    by_text, by_number = (
        engine.generate("我", strategy="logit_bias", logit_bias={key: 2.5}, seed=3) for key in ("好", f"id:{token}")
    )
    assert by_text.token_ids == by_number.token_ids


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        ({"你好": 1.0}, "'你好' is 2 tokens in this vocabulary"),
        ({"龘": 1.0}, "'龘' is 3 tokens"),
        ({"id:99999": 1.0}, "names no token: the vocabulary has the numbers 0 to"),
        ({"好": "much"}, "logit_bias.好: must be a number"),
        ({"好": 1e9}, "logit_bias.好: must be <= 10000"),
        (["好"], "logit_bias: must be a mapping"),
    ],
)
def test_what_cannot_be_is_refused(engine: Engine, bias: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        engine.generate("我", strategy="logit_bias", logit_bias=bias)


def test_the_largest_number_is_below_the_size(engine: Engine) -> None:
    size = engine._table.size
    engine.generate("我", strategy="logit_bias", logit_bias={f"id:{size - 1}": -1.0}, max_new_tokens=1)
    with pytest.raises(UserError, match=f"'id:{size}' names no token"):
        engine.generate("我", strategy="logit_bias", logit_bias={f"id:{size}": -1.0})


def test_single_tokens_are_biased_as_in_transformers(engine: Engine) -> None:
    """Its bias for sequences of one token."""
    table = engine._table
    logits = torch.randn(200, table.size, generator=torch.Generator().manual_seed(2))
    ids = torch.zeros(200, 3, dtype=torch.int64)
    wanted = {"我": 1.5, "想": -2.0, "id:5": 0.25}
    tokens = {table.encode("我")[0]: 1.5, table.encode("想")[0]: -2.0, 5: 0.25}
    theirs = SequenceBiasLogitsProcessor([[[token], bias] for token, bias in tokens.items()])(ids, logits.clone())
    options = resolve_decoding(engine.plugins, {"chain": ["logit_bias"], "logit_bias": wanted}).options
    prepared = [LogitBias().prepare(options, [], table)] * 200
    columns = stack_padded(prepared, torch.device("cpu"))
    ours = LogitBias().apply(logits, columns, None)  # type: ignore[arg-type]  # it looks at nothing else
    torch.testing.assert_close(ours, theirs)
