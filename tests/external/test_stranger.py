"""A stranger's plugin: built, installed beside zaoju in an environment of its own, chosen by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import zaoju

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugins" / "zaoju-top-n-sigma"

GENERATE = """
import json, sys
import torch
from zaoju.generation import Engine, LeanRunner, Request
from zaoju.models import GPT2, GPT2Config
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

tokenizer = Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys("我想你他家人天心", -3.0)), None))
torch.manual_seed(1)
config = GPT2Config(
    vocab_size=tokenizer.vocabulary_size, n_positions=32, n_embd=32, n_layer=1, n_head=2, initializer_range=0.3
)
plugins = PluginManager.discover()
engine = Engine(LeanRunner(GPT2(config).eval()), tokenizer, plugins)
requests = [
    Request("我想", "top_n_sigma", seed=seed, max_new_tokens=12, options={"top_n_sigma": n, "temperature": 1.5})
    for seed, n in enumerate([1e-9, 1.0, 3.0, 0.0])
]
texts = engine.generate_batch([*requests, Request("我想", strategy="greedy", max_new_tokens=12)])
print(json.dumps({
    "alone": engine.generate_batch(requests[1:2])[0].to_json(),
    "texts": [text.to_json() for text in texts],
    "plugins": [[info.package, info.state] for info in plugins.infos],
}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that sees this one's packages and has the plugin's wheel installed."""
    scratch = tmp_path_factory.mktemp("stranger")
    sources = shutil.copytree(PLUGIN, scratch / "sources")
    run(sys.executable, "-c", "from hatchling.build import build_wheel; build_wheel('dist')", cwd=sources)
    (wheel,) = (sources / "dist").glob("*.whl")
    venv.create(scratch / "environment", with_pip=False)
    python = scratch / "environment" / "bin" / "python"
    (packages,) = (scratch / "environment" / "lib").glob("python*/site-packages")
    seen = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *roots_of_zaoju()]
    (packages / "beside.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n", encoding="utf-8")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=scratch)
    return python


def roots_of_zaoju() -> list[str]:
    """Where zaoju itself lies: beside other packages, or in a working tree."""
    import zaoju_builtin

    return [str(Path(str(module.__file__)).parents[1]) for module in (zaoju, zaoju_builtin)]


def test_it_is_found_and_generates(python: Path, tmp_path: Path) -> None:
    written = json.loads(run(python, "-c", GENERATE, cwd=tmp_path))
    assert ["zaoju-top-n-sigma", "loaded"] in written["plugins"]
    narrow, one, *_, greedy = written["texts"]
    assert one["chain"] == ["repetition_penalty", "temperature", "top_n_sigma"]
    assert one["parameters"]["top_n_sigma"] == 1.0
    assert {**one, "timings": None} == {**written["alone"], "timings": None}
    assert narrow["text"] == greedy["text"], "so narrow a set holds the most probable token alone"
    assert len({text["text"] for text in written["texts"]}) == 4


def test_its_own_tests_pass(python: Path, tmp_path: Path) -> None:
    command = [python, "-m", "pytest", "-v", "-p", "no:cacheprovider", PLUGIN / "tests", "--rootdir", tmp_path]
    assert "TestContract::test_" in run(*command, cwd=tmp_path), "the kit is part of them"


def test_it_is_not_there_without_its_package() -> None:
    """The negative control: here, where it is not installed, its name is unknown."""
    from zaoju.plugins import PluginManager

    assert "top_n_sigma" not in {offer.component.name for offer in PluginManager.discover(environment={}).offers()}


def test_it_uses_public_names_only() -> None:
    lines = [line for path in PLUGIN.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    imports = {line.split()[1] for line in lines if line.startswith(("from zaoju", "import zaoju"))}
    assert imports <= {"zaoju", "zaoju.contracts", "zaoju.testing", "zaoju_top_n_sigma.transform"}
