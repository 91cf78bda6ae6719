"""A config and its plugins in one call, as the pipeline and the command line use them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from config_helpers import Write

from zaoju.config import check_config, config_schema, open_decoding, open_segmenter, show_config
from zaoju.config.checks import check_segmenter
from zaoju.errors import ConfigError
from zaoju.plugins import PluginManager


def test_shows_values_and_yaml_that_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = show_config({"seed": 7}, overrides=["decoding.top_p=0.5"])
    assert yaml.safe_load(shown.yaml) == shown.data
    again = check_config(dict(shown.data)).plan
    assert (again.config.seed, again.decoding.options["top_p"]) == (7, 0.5)
    assert again == check_config({"seed": 7}, overrides=["decoding.top_p=0.5"]).plan


def test_the_plugins_section_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocked = {"plugins": {"block": ["segmenter/jieba"]}}
    with pytest.raises(ConfigError, match=r"tokenization.segmenter: segmenter 'jieba' of zaoju is blocked"):
        check_config(blocked)
    assert "jieba" in str(config_schema())
    assert "zaoju:jieba" not in str(config_schema(blocked))


def test_decoding_needs_nothing_that_only_training_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("trainer: gone\nrun: ~/runs\ndecoding: {strategy: greedy}\n")
    opened = open_decoding()
    assert opened.decoding.strategy == "greedy"
    assert opened.run == Path.home() / "runs"
    with pytest.raises(ConfigError, match=r"^decoding.top_p: must be <= 1, got 3 \(--set decoding.top_p=3\)$"):
        open_decoding(overrides=["decoding.strategy=nucleus", "decoding.top_p=3"])


def test_a_segmenter_needs_nothing_else_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_segmenter().name == "jieba"
    Path("config.yaml").write_text("trainer: gone\ntokenization: {segmenter: {name: jieba, hmm: false}}\n")
    assert open_segmenter().options["hmm"] is False
    assert open_segmenter(overrides=["tokenization.segmenter=none"]).name == "none"
    with pytest.raises(ConfigError, match="no segmenter is named 'jeiba'; did you mean 'jieba'"):
        open_segmenter(overrides=["tokenization.segmenter=jeiba"])


def test_a_segmenter_without_the_options_that_it_needs(load: Write, more_plugins: PluginManager) -> None:
    loaded = load("", "tokenization.segmenter=by_list")
    with pytest.raises(ConfigError, match=r"^tokenization.segmenter.paths: "):
        check_segmenter(loaded, more_plugins)
