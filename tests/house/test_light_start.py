"""The command line answers at once: nothing heavy is imported on the way to help, plugins and the schema."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import zaoju
from support.small_run import small_config

HEAVY = {"torch", "transformers", "jieba", "numpy", "pydantic", "tokenizers", "accelerate", "safetensors"}

PROBE = """
import json, sys
from zaoju.cli import main
try:
    main(sys.argv[1:], standalone_mode=True)
except SystemExit as ended:
    assert not ended.code, ended.code
print("\\n" + json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def modules_after(*arguments: str, folder: Path | None = None) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["generate", "--help"], ["version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert modules_after(*arguments) & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["plugins", "--json"],
        ["plugins", "show", "top_k"],
        ["config", "schema"],
        ["config", "check", "--set", "seed=2"],
        ["config", "show"],
    ],
)
def test_listing_and_schema_import_no_model_code(arguments: list[str]) -> None:
    assert modules_after(*arguments) & (HEAVY - {"pydantic"}) == set()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run is finished."""
    folder = tmp_path_factory.mktemp("project")
    config = small_config(folder / "run")
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    zaoju.run(folder / "config.yaml")
    return folder


MODELS = {"torch", "transformers", "accelerate"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["prepare"],
        ["prepare", "--set", "seed=5"],
        ["vocabulary", "--set", "seed=5"],
        ["train"],
        ["evaluate"],
        ["run"],
        ["compare", "run"],
        ["tokenize", "run/model", "我想"],
        ["segment", "我想"],
        ["plan", "--size", "gpt2"],
        ["init", "new", "--corpus", "texts"],
        ["clean"],
    ],
    ids=" ".join,
)
def test_what_computes_nothing_waits_for_no_torch(project: Path, arguments: list[str]) -> None:
    """Finished stages included: only a training or a scoring that is still to be done imports it."""
    (project / "texts").mkdir(exist_ok=True)
    (project / "texts/a.txt").write_text("春眠不觉晓，处处闻啼鸟。", "utf-8")
    assert modules_after(*arguments, folder=project) & MODELS == set()
    shutil.rmtree(project / "new", ignore_errors=True)


@pytest.mark.parametrize("arguments", [["generate", "--prompt", "我想"], ["train", "--set", "trainer.steps=3"]])
def test_a_model_of_a_known_family_is_trained_and_writes_without_transformers(
    project: Path, arguments: list[str]
) -> None:
    loaded = modules_after(*arguments, folder=project)
    assert "torch" in loaded and "transformers" not in loaded


def test_the_probe_sees_a_heavy_import() -> None:
    code = PROBE.replace("import json, sys", "import json, sys, numpy")
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "numpy" in json.loads(done.stderr.strip().splitlines()[-1])
