"""The builtin constraints pass the kit that a stranger's constraint is checked with, and work in an engine."""

from __future__ import annotations

import json
import re

import pytest

from zaoju.testing import ConstraintContract
from zaoju.testing.engines import decoding_engine
from zaoju_builtin.decoding.constraints.options import (
    ChoiceOptions,
    GrammarOptions,
    JsonSchemaOptions,
    RegexOptions,
)

PATTERN = "我们?(想|说).{0,3}。"
PLACES = ["在家", "在学校", "出去", "😀"]
SCHEMA = {
    "type": "object",
    "properties": {"人": {"enum": ["我", "我们"]}, "数": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["人", "数"],
    "additionalProperties": False,
}


class TestRegex(ConstraintContract):
    component = "regex"
    options = RegexOptions(pattern=PATTERN)
    examples = ["我想。", "我们说再见。", "我说a\\b。"]
    counterexamples = ["", "我", "我想", "我想再见再见。", "他想。"]

    def matches(self, text: str) -> bool:
        return re.fullmatch(PATTERN, text) is not None


class TestChoice(ConstraintContract):
    component = "choice"
    options = ChoiceOptions(choices=PLACES)
    examples = PLACES
    counterexamples = ["", "在", "在家在家"]

    def matches(self, text: str) -> bool:
        return text in PLACES


class TestJsonSchema(ConstraintContract):
    component = "json_schema"
    options = JsonSchemaOptions.model_validate({"schema": SCHEMA})
    examples = ['{"人": "我们", "数": 7}', '{"人":"我","数":99}']
    counterexamples = ["", "{", '{"人": "我"}', '{"人": "我", "数": 100}', '{"人":  "我", "数": 1}']

    def matches(self, text: str) -> bool:
        value = json.loads(text)
        return set(value) == {"人", "数"} and value["人"] in ("我", "我们") and value["数"] in range(100)


class TestGrammar(ConstraintContract):
    component = "grammar"
    options = GrammarOptions(grammar='start: "(" start ")" | "我" ["们"]')
    examples = ["我", "((我们))"]
    counterexamples = ["", "(我", "我们)", "()"]

    def matches(self, text: str) -> bool:
        return re.fullmatch(r"(\(*)我们?(\)*)", text) is not None and text.count("(") == text.count(")")


@pytest.mark.parametrize("strategy", ["greedy", "nucleus", "beam"])
def test_an_engine_writes_one_of_the_choices(strategy: str) -> None:
    engine = decoding_engine()
    constraint = {"name": "choice", "choices": PLACES}
    for seed in range(10):
        text = engine.generate("我们", strategy=strategy, seed=seed, constraint=constraint, max_new_tokens=20)
        assert text.text in PLACES and text.finish_reason == "end_of_text"
