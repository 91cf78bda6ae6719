"""A plugin of this repository as a stranger has it: its wheel, installed beside zaoju in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import zaoju
import zaoju_builtin


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints. Fails with all of it where the command fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_with(plugin: Path, scratch: Path) -> Path:
    """The Python of a new environment that sees this one's packages and has the wheel of `plugin` installed."""
    sources = shutil.copytree(plugin, scratch / "sources")
    run(sys.executable, "-c", "from hatchling.build import build_wheel; build_wheel('dist')", cwd=sources)
    (wheel,) = (sources / "dist").glob("*.whl")
    venv.create(scratch / "environment", with_pip=False)
    python = scratch / "environment" / "bin" / "python"
    (packages,) = (scratch / "environment" / "lib").glob("python*/site-packages")
    # Where zaoju itself lies: beside other packages, or in a working tree.
    zaoju_lies = [str(Path(str(module.__file__)).parents[1]) for module in (zaoju, zaoju_builtin)]
    seen = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *zaoju_lies]
    (packages / "beside.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n", encoding="utf-8")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-deps", wheel, cwd=scratch)
    return python


def check_public_names_only(plugin: Path, package: str) -> None:
    """Nothing of zaoju is imported below its rooms: `zaoju.files`, but not `zaoju.generation.loop`."""
    lines = [line for path in plugin.rglob("*.py") for line in path.read_text("utf-8").splitlines()]
    imports = {line.split()[1] for line in lines if line.lstrip().startswith(("from zaoju", "import zaoju"))}
    deep = sorted(name for name in imports if name.split(".")[0] == "zaoju" and name.count(".") > 1)
    assert not deep, f"{package} imports {deep}, which may change without notice"
    assert any(name.startswith(package) for name in imports)
