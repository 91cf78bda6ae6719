"""A real browser, where there is one: what a page is when it is opened."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def opened(path: Path, *, width: int = 1280, scheme: str = "light") -> str:
    """The document after the browser has read the file, as HTML. Skips the test where no browser is installed."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(NAMES)})")
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--window-size={width},900", f"--blink-settings=preferredColorScheme={int(scheme == 'light')}",
            f"--user-data-dir={path.parent / 'browser'}", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout
