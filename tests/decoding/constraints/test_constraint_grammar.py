"""The constraint `grammar`, and the constraints as components of the builtin plugin."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from following import follow, random_walk, writes

from zaoju import Constraint, PluginError, PluginManager, TokenTable, UserError
from zaoju.config import resolve_decoding
from zaoju.testing.byte_table import ByteTable
from zaoju_builtin.decoding.constraints.grammar import Grammar
from zaoju_builtin.decoding.constraints.options import GrammarOptions

# Brackets within brackets, which no regular expression can describe.
NESTED = """
start: nested
nested: "「" nested "」" | "『" nested "』" | words
words: /[春江花月]{1,3}/   // the innermost text
"""


def grammar(text: str) -> Grammar:
    return Grammar(GrammarOptions(grammar=text))


def test_random_texts_are_nested(table: TokenTable) -> None:
    matcher = grammar(NESTED).compile(table)
    closing = {"「": "」", "『": "』"}
    for seed in range(10):
        text = random_walk(matcher, table, seed)[0].decode()
        while text[0] in closing:
            assert text[-1] == closing[text[0]]
            text = text[1:-1]
        assert 1 <= len(text) <= 3 and set(text) <= set("春江花月")


def test_nested_texts_can_be_written(table: TokenTable) -> None:
    matcher = grammar(NESTED).compile(table)
    assert writes(matcher, table, "春") and writes(matcher, table, "「" * 30 + "江月" + "」" * 30)
    assert not writes(matcher, table, "「春") and not writes(matcher, table, "「春』")


def test_the_end_is_allowed_only_where_the_text_may_end() -> None:
    table = ByteTable()
    matcher = grammar("start: <[5]>").compile(table)
    assert matcher.allowed().nonzero().flatten().tolist() == [5]


def test_a_grammar_from_a_file(tmp_path: Path) -> None:
    table, file = ByteTable(), tmp_path / "嵌套.lark"
    file.write_text(NESTED, encoding="utf-8")
    assert writes(Grammar(GrammarOptions(file=file)).compile(table), table, "「花」")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("start: other\n", 'unknown name: "other"'),
        ('other: "春"', "no start rule found"),
        ('start: "春', "lexer error"),
        ('start: endless\nendless: endless "春"', "no text that this vocabulary can write"),
        ("start: <|end|>", "panic"),
    ],
)
def test_a_grammar_that_cannot_be_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        grammar(text).compile(ByteTable())
    assert str(caught.value).startswith("constraint grammar: ") and complaint in str(caught.value)
    assert "backtrace" not in str(caught.value)


def test_a_grammar_with_too_many_readings_ends_in_an_error() -> None:
    alternatives = " | ".join('"a" text ' + '"a" ' * count for count in range(30))
    table = ByteTable()
    matcher = grammar(f'start: text\ntext: {alternatives} | ""').compile(table)
    with pytest.raises(UserError, match=r"constraint grammar: the text cannot be followed further: .*max is 2000"):
        follow(matcher, table.encode("a" * 2000))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": "regex", "pattern": "春+"}, "春春"),
        ({"name": "choice", "choices": ["春", "江"]}, "江"),
        ({"name": "json_schema", "schema": {"const": "春"}}, '"春"'),
        ({"name": "grammar", "grammar": 'start: "春"'}, "春"),
    ],
)
def test_each_is_chosen_in_the_config_and_needs_bytes(options: dict[str, object], text: str) -> None:
    plan = resolve_decoding(PluginManager.discover(environment={}), {"constraint": options})
    assert plan.constraint is not None and plan.needs[plan.constraint.name] == {"bytes"}
    table = ByteTable()
    assert writes(plan.constraint.build(Constraint).compile(table), table, text)


def test_a_missing_library_is_an_error_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    monkeypatch.setattr("zaoju.plugins.lookup.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"llguidance, which is not installed.*pip install 'zaoju\[constraints\]'"):
        PluginManager.discover(environment={}).resolve("constraint", "regex", {"pattern": "春"})
