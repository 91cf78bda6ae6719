"""The snippets of the page about testing run as they stand, and what it says of the kits is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import zaoju.testing

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "testing-plugins.md").read_text("utf-8")
KITS = {name for name in zaoju.testing.__all__ if name.endswith("Contract")}


def test_the_kits_in_the_snippets_pass(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == PAGE.count("```python") >= 4, "each block begins with the name of its file"
    for name, block in blocks:
        (tmp_path / name).write_text(block, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    classes = re.findall(r"^class Test\w+", PAGE, re.MULTILINE)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 9 * len(classes) > 9


def test_every_kit_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == KITS


def test_the_command_of_the_page_works(tmp_path: Path) -> None:
    (command,) = re.findall(r"^zaoju (new-plugin \w+ [\w-]+)$", PAGE, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "zaoju", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder = re.findall(r"^cd ([\w-]+)$", PAGE, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == folder


def test_without_pytest_the_error_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['hypothesis'] = None; from zaoju.testing import SegmenterContract"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "hypothesis, which is not installed. To install it: pip install pytest hypothesis" in done.stderr


def test_importing_the_room_imports_nothing_heavy() -> None:
    code = "import sys, zaoju.testing; print(sorted({'torch', 'pytest', 'hypothesis', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
