"""Every command: its result on standard output, its JSON, its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import zaoju
from support.calling import Call


def test_run_prints_account_scores_samples_and_where_the_model_is(project: Path, call: Call) -> None:
    called = call(project, "run")
    assert called.exit_code == 0
    assert "kept for training" in called.stdout
    assert "bits per character" in called.stdout
    assert "entropy of the source" in called.stdout
    for strategy in ("greedy", "top_k", "nucleus"):
        assert f"  {strategy}" in called.stdout
    run = project / "run"
    assert called.stdout.splitlines()[-2:] == [f"model: {run / 'model'}", f"report: {run / 'report.html'}"]
    assert "prepare: unchanged" in called.stderr


def test_run_as_json_and_quiet(project: Path, call: Call) -> None:
    called = call(project, "run", "--json", "--quiet")
    assert called.stderr == ""
    result = called.json
    assert isinstance(result, dict)
    assert set(result) == {"model", "account", "scores", "report"}
    assert result["scores"]["held_out"]["bits_per_character"] > 0


def test_every_stage_alone(project: Path, call: Call) -> None:
    account = call(project, "prepare", "--json").json
    assert isinstance(account, dict)
    assert account["read"]["documents"] == 200
    vocabulary = call(project, "vocabulary", "--json").json
    assert isinstance(vocabulary, dict)
    assert vocabulary["tokens"] > 257
    trained = call(project, "train", "--json").json
    assert isinstance(trained, dict)
    assert (Path(trained["model"]) / "model.safetensors").is_file()
    scores = call(project, "evaluate", "--json").json
    assert isinstance(scores, dict)
    assert set(scores) == {"held_out", "source", "samples", "copied"}
    assert 0 <= scores["copied"]["copied"] <= scores["copied"]["passages"]


def test_generate_gives_objects_with_all_that_made_them(project: Path, call: Call) -> None:
    arguments = ["generate", "run/model", "--prompt", "我想", "--strategy", "nucleus", "--set", "decoding.top_p=0.9"]
    arguments += ["--seed", "7", "--n", "3", "--max-new-tokens", "10", "--json"]
    texts = call(project, *arguments).json
    assert isinstance(texts, list)
    assert len(texts) == 3
    for text in texts:
        assert {"prompt", "text", "finish_reason", "seed", "strategy", "parameters"} <= set(text)
        assert text["prompt"] == "我想"
        assert text["strategy"] == "nucleus"
        assert text["parameters"]["top_p"] == 0.9
        assert text["generated_tokens"] <= 10
    assert texts[0]["seed"] == 7
    assert len({text["seed"] for text in texts}) == 3
    assert without_timings(call(project, *arguments).json) == without_timings(texts), "the same seed writes the same"

    alone = [*arguments[:2], "--prompt", "我想", "--strategy", "nucleus", "--set", "decoding.top_p=0.9"]
    again = call(project, *alone, "--seed", str(texts[2]["seed"]), "--max-new-tokens", "10", "--json").json
    assert isinstance(again, list)
    assert again[0]["text"] == texts[2]["text"], "every text can be had again alone"


def test_generate_takes_prompts_from_a_file_and_from_standard_input(project: Path, call: Call, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("我想\n\n春天\n", "utf-8")
    texts = call(project, "generate", "--prompts", str(prompts), "--seed", "1", "--json").json
    assert isinstance(texts, list)
    assert [text["prompt"] for text in texts] == ["我想", "春天"]
    piped = call(project, "generate", "--prompts", "-", "--seed", "1", "--json", stdin="我想\n春天\n".encode())
    assert without_timings(piped.json) == without_timings(texts)


def without_timings(texts: object) -> list[object]:
    assert isinstance(texts, list)
    assert all(text["timings"]["seconds"] > 0 for text in texts)
    return [{**text, "timings": None} for text in texts]


def test_generate_writes_to_a_file_and_streams(project: Path, call: Call, tmp_path: Path) -> None:
    output = tmp_path / "texts.jsonl"
    called = call(project, "generate", "--prompt", "我想", "--seed", "1", "--output", str(output))
    assert called.stdout == ""
    (line,) = output.read_text("utf-8").splitlines()
    written = json.loads(line)
    streamed = call(project, "generate", "--prompt", "我想", "--seed", "1", "--stream")
    assert streamed.stdout == f"我想{written['text']}\n"
    assert call(project, "generate", "--prompt", "我想", "--seed", "1").stdout == streamed.stdout


def test_another_strategy_drops_the_options_of_the_old_one(project: Path, call: Call) -> None:
    (text,) = call(project, "generate", "--prompt", "我想", "--strategy", "greedy", "--json").json  # type: ignore[misc]
    assert "top_p" not in text["parameters"]
    assert text["parameters"]["repetition_penalty"] == 1.0


def test_evaluate_a_model_on_files(project: Path, call: Call, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("小明想学游泳。\n\n我想去公园。", "utf-8")
    score = call(project, "evaluate", "run/model", str(text), "--json").json
    assert isinstance(score, dict)
    assert score["documents"] == 2
    assert score["characters"] == 13
    assert score["bits_per_character"] > 0


def test_segment_and_tokenize_show_the_cut(project: Path, call: Call) -> None:
    assert call(project, "segment", "--segmenter", "jieba", "小明想学游泳").stdout == "小明/想学/游泳\n"
    assert call(project, "segment", "-", "--json", stdin="小明".encode()).json == {
        "text": "小明",
        "pieces": ["小", "明"],
    }
    tokens = call(project, "tokenize", "run/model", "小明", "--json").json
    assert isinstance(tokens, dict)
    assert [token["text"] for token in tokens["tokens"]] == ["小", "明"]


def test_segment_works_outside_a_project(call: Call, tmp_path: Path) -> None:
    assert call(tmp_path, "segment", "小明想学游泳").stdout == "小明/想学/游泳\n"


def test_evaluate_on_files_follows_the_config(project: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("小明想学游泳。", "utf-8")
    arguments = ["evaluate", "run/model", str(tmp_path / "text.txt")]
    called = call(project, *arguments, "--set", "plugins.block=[reader/text]")
    assert called.exit_code == 2
    assert "reader 'text' of zaoju is blocked" in called.stderr


def test_status_and_clean(project: Path, call: Call) -> None:
    stages = call(project, "status", "--json").json
    assert isinstance(stages, list)
    assert [(stage["stage"], stage["state"]) for stage in stages] == [
        (name, "done") for name in ("prepare", "vocabulary", "encode", "train", "evaluate")
    ]
    assert call(project, "clean", "--dry-run").stdout == "nothing to remove\n"


def test_export_and_init(project: Path, call: Call, tmp_path: Path) -> None:
    exported = call(project, "export", "run/model", str(tmp_path / "out"), "--json").json
    assert isinstance(exported, dict)
    assert exported["largest_difference"] <= 1e-4
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"第{number}篇。" for number in range(10)), "utf-8")
    made = call(tmp_path, "init", "mine", "--corpus", "text.txt")
    assert made.exit_code == 0
    assert "zaoju run" in made.stdout
    assert call(tmp_path / "mine", "prepare", "--json").json["read"]["documents"] == 10  # type: ignore[index]


def test_plugins_as_json(project: Path, call: Call) -> None:
    listed = call(project, "plugins", "--json").json
    assert isinstance(listed, dict)
    (builtin,) = [item for item in listed["plugins"] if item["package"] == "zaoju"]
    assert set(builtin) == {"name", "package", "version", "state", "seconds", "detail"}
    assert builtin["state"] == "loaded"
    kinds = {(item["kind"], item["name"]) for item in listed["components"]}
    assert {("segmenter", "jieba"), ("vocabulary", "bpe"), ("strategy", "nucleus"), ("trainer", "lean")} <= kinds
    assert all(set(item) == {"kind", "name", "plugin", "summary"} for item in listed["components"])


def test_plugins_show_explains_options(project: Path, call: Call) -> None:
    called = call(project, "plugins", "show", "transform/top_k")
    assert "top_k" in called.stdout
    assert "default 50" in called.stdout
    assert len(call(project, "plugins", "show", "top_k", "--json").json) == 2  # type: ignore[arg-type]


def test_config_check_show_and_schema(project: Path, call: Call, tmp_path: Path) -> None:
    assert call(project, "config", "check").exit_code == 0
    shown = call(project, "config", "show").stdout
    (tmp_path / "config.yaml").write_text(shown, "utf-8")
    assert call(tmp_path, "config", "show").stdout == shown, "what is shown is a config that means the same"
    assert yaml.safe_load(shown)["corpus"]["duplicates"] == "drop"
    schema = call(project, "config", "schema").json
    assert isinstance(schema, dict)
    assert "pkuseg" in json.dumps(schema)


def test_a_block_that_matches_nothing_is_told(project: Path, call: Call) -> None:
    block = ["--set", "plugins.block=[segmenter/jeiba]"]
    checked = call(project, "config", "check", *block)
    assert checked.exit_code == 0
    for called in (checked, call(project, "prepare", *block), call(project, "plugins", *block)):
        assert "segmenter/jeiba" in called.stderr
        assert "did you mean" in called.stderr


def test_the_plugins_of_a_config_are_those_that_are_shown(project: Path, call: Call) -> None:
    block = ["--set", "plugins.block=[segmenter/jieba, segmenter/rjieba]"]
    assert call(project, "plugins", "show", "segmenter/jieba").exit_code == 0
    assert call(project, "plugins", *block, "show", "segmenter/jieba").exit_code == 2
    schemas = [json.dumps(call(project, "config", "schema", *options).json) for options in ([], block)]
    assert ["hmm" in schema for schema in schemas] == [True, False], "only the two have the option"


def test_version(project: Path, call: Call) -> None:
    assert call(project, "version", "--json").json["zaoju"] == zaoju.__version__  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "--set", "tokenization.segmenter=jeiba"], "did you mean 'jieba'"),
        (["run", "--set", "decoding.top_p=1.5"], "decoding.top_p: must be <= 1, got 1.5"),
        (["run", "--set", "tokenization.segmentor=jieba"], "did you mean"),
        (["run", "--set", "model.size=tinny"], "did you mean 'tiny'"),
        (["config", "check", "--set", "model.size=tinny"], "did you mean 'tiny'"),
        (["config", "check", "--set", "model.init_from=/nowhere"], "model.init_from: /nowhere does not exist"),
        (["prepare", "--set", "model.init_from=."], "has no config.json"),
        (["generate", "nowhere", "--prompt", "我"], "nowhere"),
        (["generat", "--prompt", "我"], "there is no command 'generat'; did you mean 'generate'?"),
        (["generate"], "nothing to continue"),
        (["generate", "--prompt", "我", "--output", "no/dir/x.jsonl"], "the folder no/dir does not exist"),
        (["segment", "--segmenter", "jeiba", "小明"], "did you mean 'jieba'"),
        (["tokenize", "run/model", "小", "--set", "plugins.blok=[x]"], "did you mean 'block'"),
        (["export", "run/model", "out", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["generate", "--prompt", "我想" * 100], "the model looks at 48"),
        (["evaluate", "run/model"], "name the files"),
        (["evaluate", "run/model", "nowhere.txt"], "nowhere.txt"),
        (["plugins", "show", "topk"], "did you mean 'top_k'"),
        (["tokenize", "nowhere", "我"], "nowhere"),
        (["export", "nowhere", "out"], "nowhere"),
        (["config", "check", "--set", "tokenization={segmenter: none, vocabulary: words}"], "words"),
    ],
)
def test_the_users_mistakes_end_in_one_message_and_exit_code_two(
    project: Path, call: Call, arguments: list[str], message: str
) -> None:
    called = call(project, *arguments)
    assert called.exit_code == 2, called.stdout
    assert message in called.stderr
    assert "Traceback" not in called.stderr
    assert called.stdout == ""


def test_a_real_process_keeps_results_and_the_rest_apart(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zaoju", "generate", "run/model", "--prompt", "我想", "--json", "--seed", "1"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0]["prompt"] == "我想"
    failed = subprocess.run(
        [sys.executable, "-m", "zaoju", "generate", "nowhere", "--prompt", "我想"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("error: ")


def test_prepare_writes_a_page_where_it_is_asked_for(project: Path, call: Call) -> None:
    assert "report" not in call(project, "prepare", "--json").json  # type: ignore[operator]
    told = call(project, "prepare", "--report", "--quiet")
    path = Path(told.stdout.splitlines()[-1].removeprefix("report: "))
    assert "<h1>What became of the corpus</h1>" in (project / path).read_text("utf-8")
    assert call(project, "prepare", "--report", "--json").json["report"] == str(path)  # type: ignore[index,call-overload]
    (project / path).unlink()


def test_a_page_that_cannot_be_written_is_no_failure(project: Path, call: Call) -> None:
    page = project / "run" / "report.html"
    page.unlink(missing_ok=True)
    page.mkdir()
    called = call(project, "train", "--json")
    page.rmdir()
    assert called.exit_code == 0
    assert called.stderr.splitlines()[-1].startswith("warning: no page about the training was written: ")
    assert set(called.json) == {"model"}  # type: ignore[call-overload]  # an object


def test_reports_and_comparison(project: Path, call: Call, tmp_path: Path) -> None:
    page = project / "run" / "report.html"
    page.unlink(missing_ok=True)
    called = call(project, "train", "--quiet")
    assert called.stdout.splitlines()[-1] == f"report: {page}"
    assert page.is_file()
    page.unlink()
    assert call(project, "status", "--report").stdout.splitlines()[-1] == f"report: {page}"
    assert page.is_file()
    compared = call(project, "compare", "run", "--report", str(tmp_path / "compared.html"))
    assert compared.exit_code == 0
    assert "bits/char" in compared.stdout and "gpt2 nano" in compared.stdout
    assert (tmp_path / "compared.html").is_file()
    wrong = call(project, "compare", "run", "nowhere")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: nowhere has no finished model to compare")
