"""Plugin managers for the tests of the config: the builtins alone, and with a stranger's plugin."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from config_helpers import Write

from zaoju.config import LoadedConfig, load_config
from zaoju.plugins import PluginManager


@pytest.fixture(scope="session")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={}, entry_points=entry_points(group="zaoju", name="builtin"))


@pytest.fixture(scope="session")
def more_plugins() -> PluginManager:
    stranger = EntryPoint("stranger", "config_test_plugin", "zaoju")
    manager = PluginManager.discover(
        environment={}, entry_points=[*entry_points(group="zaoju", name="builtin"), stranger]
    )
    assert [info.state for info in manager.infos] == ["loaded", "loaded"], manager.infos
    return manager


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Loads a config from the text of its file, which lies in the current folder."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str | bytes, *overrides: str) -> LoadedConfig:
        path = Path("config.yaml")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_config(path, overrides)

    return load_text
