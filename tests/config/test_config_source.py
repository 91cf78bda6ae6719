"""Reading: plain YAML with lines, and everything else refused with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from config_helpers import Write
from hypothesis import given, settings
from hypothesis import strategies as st

from zaoju.config import load_config
from zaoju.config.source import MAX_BYTES, key_text, parse_yaml, read_mapping
from zaoju.errors import ConfigError

YAML_SIGNS = "ab:-[]{}&*!|>?%@\"'#\n\t, 1.造\x85\ufeff"
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nseed: *b\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", "config.yaml line 2: the key 'seed' is already on line 1"),
        ("corpus:\n  held_out: 0.1\n  held_out: 0.2\n", "line 3: .*'corpus.held_out' is already on line 2"),
        (BOMB, "config.yaml line 1: .*anchors and aliases"),
        ("seed: *gone\n", "config.yaml line 1: .*anchors and aliases"),
        ("run: !!python/object/apply:os.system [ls]\n", "config.yaml line 1: .*tags such as .*python/object"),
        ("run: !secret x\n", "config.yaml line 1: .*tags such as !secret"),
        ("- seed\n", "config.yaml line 1: a config is a mapping .* a list"),
        ("seed\n", "config.yaml line 1: a config is a mapping .* a single value"),
        ("seed: 1\nmodel:\n\tsize: tiny\n", "config.yaml line 3: .*not with tabs"),
        ("seed: [1\n", "config.yaml line 2: not valid YAML"),
        ("seed: 1\n---\nseed: 2\n", "config.yaml line 2: not valid YAML"),
        ("seed: 1\x00\n", r"config.yaml line 1: the character U\+0000"),
        ('seed: 1\nrun: "a\\0b"\n', "config.yaml line 2: .*NUL"),
        ('run: "\\ud800"\n', "config.yaml line 1: .*surrogate"),
        ("model: {numbers: {n: 1e999}}\n", "config.yaml line 1: .*finite"),
        ("\n\nseed: " + "9" * 30, "config.yaml line 3: .*too large"),
        ("seed: " + "9" * 9000, "config.yaml line 1: .*too large"),
        ("run: " + "[" * 100 + "]" * 100, "config.yaml line 1: .*nested more than 16"),
        ("run: " + "[" * 50_000, "config.yaml line 1: .*nested more than 16"),
        ("1: 2\n", "config.yaml line 1: .*a key must be text"),
        ("? [a]\n: 2\n", "config.yaml line 1: .*a key must be text"),
        (
            "run: 造句\nprompt: 我想".encode("gb18030"),
            "config.yaml line 1: byte 5 .*not UTF-8.*GB18030.*save it as UTF-8",
        ),
        ("seed: 1\n".encode("utf-16"), "config.yaml line 1: byte 0 .*UTF-16"),
        (b"seed: 1\nrun: \xff\n", r"config.yaml line 2: byte 13 \(0xff\) is not UTF-8; save"),
    ],
)
def test_refuses_what_is_not_plain_yaml(load: Write, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_reads_a_byte_order_mark_and_an_empty_file(load: Write) -> None:
    assert load("\ufeffseed: 5\n").config.seed == 5
    assert load("").config == load("# nothing yet\n").config == load_config(None).config


def test_a_missing_file_a_folder_and_a_large_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such file; `zaoju init DIR`"):
        load_config(tmp_path / "gone.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)
    large = tmp_path / "large.yaml"
    large.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match=r"large\.yaml: larger than 1,000,000 bytes"):
        load_config(large)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("8_000", 8000),
        ("no", "no"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("0x10", "0x10"),
        ("true", True),
        ("~", None),
        ("''", ""),
        ("'12'", "12"),
        (".inf", ".inf"),
        ("-.5", -0.5),
        ("[1, 我]", [1, "我"]),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    parsed, _ = parse_yaml(text, "x")
    assert parsed == value
    assert type(parsed) is type(value)


def test_every_key_path_knows_its_line() -> None:
    _, lines = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n", "x")
    assert {key_text(path): line for path, line in lines.items()} == {
        "a": 1,
        "a.b": 2,
        "a.c": 3,
        "a.c.0": 4,
        "a.c.1": 5,
        "a.c.1.d": 5,
        "a.c.1.e": 6,
    }


def test_a_mapping_from_a_program_must_be_plain_too() -> None:
    assert read_mapping({"run": Path("x"), "stop": ("a",)}).values == {"run": "x", "stop": ["a"]}
    loop: dict[str, object] = {}
    loop["loop"] = loop
    wrong: list[tuple[dict[str, object], str]] = [
        ({"seed": object()}, "seed: .* not object"),
        ({"model": {"numbers": {5: 1}}}, r"model\.numbers: a key must be text, got 5"),
        ({"seed": 10**5000}, "seed: the number is too large"),
        ({"seed": float("nan")}, "seed: a number must be finite"),
        (loop, "nested more than 16"),
    ]
    for data, message in wrong:
        with pytest.raises(ConfigError, match=message):
            load_config(None, data=data)


@settings(deadline=None, derandomize=True, max_examples=600)
@given(content=st.one_of(st.binary(max_size=60), st.text(alphabet=YAML_SIGNS, max_size=40)))
def test_any_bytes_are_read_or_refused_with_file_and_line(
    content: bytes | str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        load_config(path)
    except ConfigError as error:
        for line in str(error).split("\n"):
            assert re.search(r"any\.yaml( line \d+)?[:)]", line), line
