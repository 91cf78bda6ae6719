"""A scratch environment in which zaoju and real plugin packages are installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plugin_packages

PROBE = Path(__file__).with_name("probe.py")
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "plugins.md"


@dataclass(frozen=True)
class Scratch:
    """A virtual environment of its own."""

    python: Path
    site_packages: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZAOJU_")}
        return subprocess.run(
            [str(self.python), *arguments], env=clean | environment, capture_output=True, text=True, encoding="utf-8"
        )

    def probe(self, *requests: Sequence[str], **environment: str) -> dict[str, Any]:
        """What `probe.py` finds out there. Fails where its standard output is anything but one JSON value."""
        done = self.run(str(PROBE), json.dumps(requests), **environment)
        assert done.returncode == 0, done.stderr
        return {**json.loads(done.stdout), "stderr": done.stderr}


def make(folder: Path) -> Scratch:
    """Build all the packages of `plugin_packages`, and the one in the documentation, and install them."""
    wheels = folder / "wheels"
    wheels.mkdir()
    packages = [*plugin_packages.ALL, plugin_packages.documented_package(DOCUMENTATION)]
    built = [package.build(folder / "sources", wheels) for package in packages]
    venv.create(folder / "environment", symlinks=os.name != "nt")
    binaries = "Scripts" if os.name == "nt" else "bin"
    python = next((folder / "environment" / binaries).glob("python*"))
    site_packages = next((folder / "environment").rglob("site-packages"))
    _share_this_environment(site_packages)
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-index",
        "--no-deps",
        "--no-compile",
    ]
    subprocess.run([*install, "--quiet", "--disable-pip-version-check", *map(str, built)], check=True)
    (site_packages / f"{plugin_packages.DAMAGED.module}-1.0.dist-info" / "METADATA").unlink()
    return Scratch(python, site_packages)


def _share_this_environment(site_packages: Path) -> None:
    """Make zaoju and its dependencies visible, also where they are installed as editable."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({folder!r})" for folder in sorted(folders)]
    (site_packages / "shared.pth").write_text("\n".join(lines), encoding="utf-8")
