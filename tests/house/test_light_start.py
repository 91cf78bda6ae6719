"""The command line answers at once: nothing heavy is imported on the way to help, plugins and the schema."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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


def modules_after(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=120
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


def test_the_probe_sees_a_heavy_import() -> None:
    code = PROBE.replace("import json, sys", "import json, sys, numpy")
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "numpy" in json.loads(done.stderr.strip().splitlines()[-1])
