"""A resolved component: checked options, and nothing that could not go to another process."""

from __future__ import annotations

import multiprocessing
import pickle
from dataclasses import FrozenInstanceError
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from plugin_modules import PluginWriter
from pydantic import ValidationError

from zaoju import PluginError, Segmenter, Transform, UserError
from zaoju.plugins import PluginManager, ResolvedComponent

PLUGIN = """
    @hookimpl
    def zaoju_segmenters():
        return [
            Component("chunks", "PARTS:Chunks", options="PARTS:ChunkOptions"),
            Component("plain", "PARTS:Plain"),
            Component("moody", "PARTS:Moody"),
            Component("clumsy", "PARTS:Clumsy"),
            Component("one_way", "PARTS:Plain", options="PARTS:OneWayOptions"),
        ]

    @hookimpl
    def zaoju_transforms():
        return [Component("same", "PARTS:Same")]
"""

PARTS = """
    from pathlib import Path
    from pydantic import Field, field_validator
    from zaoju import Options, Segmenter, Transform, UserError

    class ChunkOptions(Options):
        length: int = Field(default=2, ge=1)
        dictionary: Path = Path("words.txt")

    class OneWayOptions(Options):
        mark: str = "a"

        @field_validator("mark")
        @classmethod
        def double(cls, mark):
            if len(mark) > 1:
                raise ValueError("one character")
            return 2 * mark

    class Chunks(Segmenter):
        def segment(self, text):
            length = self.options.length
            return [text[start : start + length] for start in range(0, len(text), length)]

    class Plain(Segmenter):
        def segment(self, text):
            return [type(self.options).__name__, text]

    class Moody(Plain):
        def __init__(self, options):
            raise UserError("there is no such dictionary")

    class Clumsy(Plain):
        def __init__(self, options):
            raise KeyError("size")

    class Same(Transform):
        neutral = {}

        def apply(self, logits, options, context):
            return logits
"""


@pytest.fixture
def manager(write_plugin: PluginWriter) -> PluginManager:
    write_plugin("parts", PARTS)
    point = write_plugin("first", PLUGIN.replace("PARTS", "parts"))
    return PluginManager.discover(environment={}, entry_points=[point])


def test_options_are_checked_and_completed(manager: PluginManager) -> None:
    resolved = manager.resolve("segmenter", "chunks", {"length": 3})
    assert resolved.options == {"length": 3, "dictionary": "words.txt"}
    assert resolved.identity() == {
        "kind": "segmenter",
        "name": "chunks",
        "package": "first",
        "version": "unknown",
        "options": {"length": 3, "dictionary": "words.txt"},
    }
    segmenter = resolved.build(Segmenter)
    assert segmenter.segment("春眠不觉晓") == ["春眠不", "觉晓"]
    assert segmenter.options.dictionary == Path("words.txt")


@pytest.mark.parametrize("options", [{"length": 0}, {"length": "many"}, {"lenght": 3}])
def test_wrong_options_raise_the_models_own_error(options: dict[str, object], manager: PluginManager) -> None:
    with pytest.raises(ValidationError):
        manager.resolve("segmenter", "chunks", options)


def test_a_component_without_model_takes_no_options(manager: PluginManager) -> None:
    assert manager.resolve("segmenter", "plain").build(Segmenter).segment("春") == ["Options", "春"]
    with pytest.raises(PluginError, match="segmenter 'plain' of first takes no options, and was given size"):
        manager.resolve("segmenter", "plain", {"size": 1})


def test_options_that_do_not_survive_json_are_refused_before_a_worker_needs_them(manager: PluginManager) -> None:
    with pytest.raises(PluginError, match=r"segmenter 'one_way' of first: .* do not survive being written as JSON"):
        manager.resolve("segmenter", "one_way")


def test_a_full_name_resolves_to_the_bare_one(manager: PluginManager) -> None:
    assert manager.resolve("segmenter", "first:plain") == manager.resolve("segmenter", "plain")


def test_transforms_are_made_without_arguments(manager: PluginManager) -> None:
    resolved = manager.resolve("transform", "same")
    assert isinstance(resolved.create(Transform), Transform)
    with pytest.raises(PluginError, match="transform 'same' of first: parts:Same cannot be built: TypeError"):
        resolved.build(Transform)
    with pytest.raises(PluginError, match="is not a subclass of Segmenter"):
        resolved.load(Segmenter)


def test_a_constructor_that_fails_names_the_package_and_a_user_error_passes(manager: PluginManager) -> None:
    with pytest.raises(PluginError, match=r"segmenter 'clumsy' of first: .* cannot be built: KeyError: 'size'"):
        manager.resolve("segmenter", "clumsy").build(Segmenter)
    with pytest.raises(UserError, match=r"^there is no such dictionary$"):
        manager.resolve("segmenter", "moody").build(Segmenter)


def test_it_is_frozen_and_picklable_and_the_manager_is_not(manager: PluginManager) -> None:
    resolved = manager.resolve("segmenter", "chunks")
    assert pickle.loads(pickle.dumps(resolved)) == resolved
    with pytest.raises(FrozenInstanceError):
        resolved.name = "other"  # type: ignore[misc]  # that it fails is the test
    with pytest.raises(TypeError):
        pickle.dumps(manager)


def _segment(resolved: ResolvedComponent, text: str) -> tuple[list[str], bool]:
    import sys

    return resolved.build(Segmenter).segment(text), "zaoju.plugins.manager" in sys.modules and _managers_alive()


def _managers_alive() -> bool:
    import gc

    return any(isinstance(thing, PluginManager) for thing in gc.get_objects())


def test_a_spawned_process_builds_it_without_a_manager(manager: PluginManager, write_plugin: PluginWriter) -> None:
    resolved = manager.resolve("segmenter", "chunks", {"length": 4})
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_segment, (resolved, "春眠不觉晓")) == (["春眠不觉", "晓"], False)
    assert _managers_alive(), "the control: this process has one"


def test_an_entry_point_without_distribution_goes_by_its_module(write_plugin: PluginWriter) -> None:
    point = EntryPoint("name", "sole", "zaoju")
    write_plugin("sole", "")
    (info,) = PluginManager.discover(environment={}, entry_points=[point]).infos
    assert (info.package, info.version, info.state) == ("sole", "unknown", "loaded")
