"""`docs/fine-tuning.md` is right: its configs run, its snippets run, its commands exist, its shapes are read."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

import zaoju
from support.conversations import write_couplets
from support.small_vocabularies import pair_tokenizer, save_small_model
from zaoju.cli.commands.generate import generate
from zaoju_builtin.readers.jsonl import JsonLinesReader
from zaoju_builtin.readers.options import JsonLinesOptions

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fine-tuning.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the page has it, after its first run, made short."""
    folder = tmp_path_factory.mktemp("page")
    write_couplets(folder / "couplets.jsonl", 60)
    save_small_model(folder / "models" / "pretrained", pair_tokenizer())
    (folder / "config.yaml").write_text(blocks("yaml")[0], "utf-8")
    short = ["trainer={name: lean, steps: 2, batch_size: 4}", "model.size=nano", "evaluation.samples=0", "device=cpu"]
    zaoju.run(folder / "config.yaml", overrides=short)
    return folder


def test_python_runs(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project)
    snippets = blocks("python")
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "fine-tuning.md", "exec"), {"__name__": "snippet"})
    assert capsys.readouterr().out


def test_the_second_config_trains_on(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    plan = zaoju.check_config(yaml.safe_load(blocks("yaml")[1])).plan
    assert plan.trainer.name == "lora" and plan.config.model.init_from == project / "models" / "pretrained"


def test_commands_take_these_options() -> None:
    known = {option for parameter in generate.params for option in parameter.opts}
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("zaoju generate")]
    assert lines
    for line in lines:
        assert {word for word in shlex.split(line) if word.startswith("--")} <= known


def test_every_shape_of_the_table_is_read(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `(\{.*?\})` \| (.*?) \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == 5
    for shape, options in rows:
        example = shape.replace(", ...]", "]")
        if '"role"' in example or '"from"' in example:
            answer = example[example.index("{", 1) : example.index("]")]
            spoken = answer.replace('"user"', '"assistant"').replace('"human"', '"gpt"')
            example = example.replace(answer, f"{answer}, {spoken}")
        (tmp_path / "a.jsonl").write_text(example + "\n", "utf-8")
        given = {
            key: value
            for option in re.findall(r"`(\w+: .*?)`", options)
            for key, value in yaml.safe_load(option).items()
        }
        reader = JsonLinesReader(JsonLinesOptions.model_validate({"paths": [tmp_path / "a.jsonl"], **given}))
        (document,) = reader.read()
        assert isinstance(document, zaoju.Document), document
        assert [turn.role for turn in document.turns] == ["user", "assistant"]


def test_the_conversation_that_is_shown_is_what_the_template_writes(project: Path) -> None:
    (shown,) = blocks("text")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(project / "runs" / "answers" / "model")
    asked = [{"role": "user", "content": "春眠不觉晓"}, {"role": "assistant", "content": "处处闻啼鸟"}]
    assert tokenizer.apply_chat_template(asked, tokenize=False) == shown.strip()
    assert json.loads((project / "runs/answers/model/tokenizer_config.json").read_text("utf-8"))["chat_template"]
