"""The constraint `json_schema`, judged by `json` and `jsonschema`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import jsonschema
import pytest
from following import any_cut, follow, next_bytes, random_walk, writes
from pydantic import JsonValue, ValidationError

from zaoju import TokenTable, UserError
from zaoju.testing.byte_table import ByteTable
from zaoju_builtin.decoding.constraints.json_schema import JsonSchema
from zaoju_builtin.decoding.constraints.options import JsonSchemaOptions

PERSON: dict[str, JsonValue] = {
    "type": "object",
    "properties": {
        "名": {"type": "string", "maxLength": 4},
        "季节": {"enum": ["春", "夏", "秋天", 4, None]},
        "岁": {"type": "integer", "minimum": -5, "maximum": 120},
    },
    "required": ["名", "季节"],
    "additionalProperties": False,
}
TREE: dict[str, JsonValue] = {
    "$defs": {
        "节点": {
            "type": "object",
            "properties": {"子": {"type": "array", "items": {"$ref": "#/$defs/叶"}, "maxItems": 2}},
            "required": ["子"],
            "additionalProperties": False,
        },
        "叶": {"anyOf": [{"type": "boolean"}, {"const": '叶\n"\\'}]},
    },
    "$ref": "#/$defs/节点",
}
VALUES: list[tuple[dict[str, JsonValue], list[JsonValue]]] = [
    (
        PERSON,
        [{"名": "小明", "季节": "春", "岁": 12}, {"名": "", "季节": None}, {"名": '"\\\n\t\u0001😀'[:4], "季节": 4}],
    ),
    (TREE, [{"子": []}, {"子": [True, '叶\n"\\']}]),
    ({"type": "string", "pattern": "^春+$", "maxLength": 3}, ["春", "春春春"]),
]


def json_schema(schema: dict[str, JsonValue], whitespace: int = 1) -> JsonSchema:
    return JsonSchema(JsonSchemaOptions(schema=schema, whitespace=whitespace))


def is_valid(schema: dict[str, JsonValue], text: bytes) -> bool:
    try:
        jsonschema.validate(json.loads(text.decode()), schema)
    except (jsonschema.ValidationError, json.JSONDecodeError, UnicodeDecodeError):
        return False
    return True


@pytest.mark.parametrize("whitespace", [0, 1, 3])
@pytest.mark.parametrize(("schema", "values"), VALUES)
def test_random_texts_are_valid_and_may_end_exactly_where_they_are(
    table: TokenTable, schema: dict[str, JsonValue], values: list[JsonValue], whitespace: int
) -> None:
    matcher = json_schema(schema, whitespace).compile(table)
    for seed in range(5):
        text, ends = random_walk(matcher, table, seed)
        assert is_valid(schema, text)
        for beginning, may_end in ends:
            assert may_end == is_valid(schema, beginning)


@pytest.mark.parametrize(("schema", "values"), VALUES)
def test_valid_values_can_be_written_in_every_spelling(
    table: TokenTable, schema: dict[str, JsonValue], values: list[JsonValue]
) -> None:
    choice = random.Random(5)
    tight, loose = json_schema(schema, 0).compile(table), json_schema(schema).compile(table)
    for value in values:
        jsonschema.validate(value, schema)
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        usual = json.dumps(value, ensure_ascii=False)
        assert writes(tight, table, compact) and writes(loose, table, compact)
        assert writes(loose, table, usual) and writes(tight, table, usual) == (usual == compact)
        for _ in range(5):
            assert writes(loose, table, usual, any_cut(usual, table, choice))


def test_an_indented_layout_needs_room(table: TokenTable) -> None:
    text = json.dumps({"名": "我", "季节": "夏"}, ensure_ascii=False, indent=2)
    assert writes(json_schema(PERSON, 3).compile(table), table, text)
    assert not writes(json_schema(PERSON, 2).compile(table), table, text)


def test_whitespace_has_an_end(table: TokenTable) -> None:
    for whitespace in (0, 1, 4):
        matcher = follow(json_schema({"type": "array", "items": {}}, whitespace).compile(table), table.encode("["))
        for _ in range(whitespace):
            assert b" " in next_bytes(matcher, table) and b"\n" in next_bytes(matcher, table)
            follow(matcher, table.encode(" "))
        assert not any(piece[:1] in b" \n\t\r" for piece in next_bytes(matcher, table))


def test_characters_are_written_as_themselves(table: TokenTable) -> None:
    matcher = json_schema(PERSON).compile(table)
    follow(matcher, table.encode('{"名":"'))
    assert not writes(matcher, table, r'\u6211","季节":4}')
    assert writes(matcher, table, '我","季节":4}')
    assert writes(matcher, table, r'\n\"\\","季节":4}')
    assert not writes(matcher, table, '\n","季节":4}')


@pytest.mark.parametrize(
    "text", ['{"季节":4,"名":""}', '{"名":""}', '{"名":"","季节":"冬"}', '{"名":"","季节":4,"岁":121}', "[]", "", " {"]
)
def test_what_is_not_valid_cannot_be_written(table: TokenTable, text: str) -> None:
    assert not writes(json_schema(PERSON).compile(table), table, text)


def test_data_in_a_schema_that_looks_like_a_reference_stays_as_it_is() -> None:
    schema: dict[str, JsonValue] = {"anyOf": [{"const": {"$ref": "春"}}, {"enum": [{"$ref": "夏"}]}]}
    matcher = json_schema(schema, 0).compile(ByteTable())
    for text in ('{"$ref":"春"}', '{"$ref":"夏"}'):
        assert writes(matcher, ByteTable(), text)


def test_the_schema_may_set_its_own_layout(table: TokenTable) -> None:
    schema: dict[str, JsonValue] = {**PERSON, "x-guidance": {"whitespace_flexible": False, "key_separator": " : "}}
    matcher = json_schema(schema).compile(table)
    assert writes(matcher, table, '{"名" : "","季节" : 4}') and not writes(matcher, table, '{"名":"","季节":4}')


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "objekt"}, "Invalid type: objekt"),
        ({"not": {}}, 'Unimplemented keys: ["not"]'),
        ({"$ref": "#/$defs/没有"}, "does not exist"),
        ({"$ref": "https://example.com/schema"}, "does not fetch resources"),
        ({"enum": []}, "Unsatisfiable schema"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "Unsatisfiable schema"),
        ({"const": "\ud800"}, "hex escape"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_with_the_reason(schema: dict[str, JsonValue], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        json_schema(schema).compile(ByteTable())
    assert str(caught.value).startswith("constraint json_schema: ") and complaint in str(caught.value)


def test_a_schema_from_a_file(tmp_path: Path) -> None:
    table, file = ByteTable(), tmp_path / "人.json"
    file.write_text("\ufeff" + json.dumps(PERSON, ensure_ascii=False), encoding="utf-8")
    matcher = JsonSchema(JsonSchemaOptions(file=file)).compile(table)
    assert writes(matcher, table, '{"名": "小明", "季节": "秋天"}')


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot be read"), (b"\xff{", "is not UTF-8"), (b"{", "is not JSON"), (b"[1]", "holds a list")],
)
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    file = tmp_path / "schema.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught:
        JsonSchema(JsonSchemaOptions(file=file)).compile(ByteTable())
    assert str(file) in str(caught.value)


def test_schema_and_file_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="exactly one of `schema` and `file`, and both are given"):
        JsonSchemaOptions(schema={}, file=Path("schema.json"))
    with pytest.raises(ValidationError, match="exactly one of `schema` and `file`, and none"):
        JsonSchemaOptions()
