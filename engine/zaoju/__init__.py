"""zaoju (造句): a text-generation engine in which every stage is a plugin.

Importing this package loads nothing heavy: each name below is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.component import Component
    from zaoju.config import (
        CheckedConfig,
        ComponentDescription,
        config_schema,
        configured_threads,
        describe_component,
        discover_plugins,
        plugin_listing,
        show_config,
    )
    from zaoju.contracts import (
        Branch,
        Cleaned,
        Cleaner,
        Columns,
        Constraint,
        Document,
        DraftRequest,
        Dropped,
        Event,
        EventSink,
        Executor,
        Hypothesis,
        Initialiser,
        KnownSource,
        Matcher,
        ModelOpener,
        NewTokens,
        OpenModel,
        Options,
        Part,
        PartedReader,
        Problem,
        Proposer,
        Reader,
        Runner,
        Search,
        SearchContext,
        SearchStep,
        Segmenter,
        Selector,
        StepContext,
        Strategy,
        TokenTable,
        TrackedTraining,
        Tracker,
        Trainer,
        TrainingRun,
        Transform,
        Turn,
        VocabularyBuilder,
    )
    from zaoju.corpus import Account
    from zaoju.errors import (
        ArtefactError,
        Cancelled,
        ConfigError,
        CorpusError,
        EndedElsewhere,
        PluginError,
        ProcessError,
        UserError,
    )
    from zaoju.evaluation import Score, SourceComparison
    from zaoju.generation import Chunk, Engine, Generation, Request
    from zaoju.hookspecs import hookimpl
    from zaoju.launched import is_main_process
    from zaoju.pipeline.api import RunResult, evaluate, open_pipeline, prepare, run, train, vocabulary
    from zaoju.pipeline.calibrate import calibrate
    from zaoju.pipeline.checking import check_config
    from zaoju.pipeline.compare import ComparedRun, Comparison, compare
    from zaoju.pipeline.compare_page import write_comparison_page
    from zaoju.pipeline.export import Exported, export
    from zaoju.pipeline.extend import Extended, extend
    from zaoju.pipeline.housekeeping import StageStatus, Unused, clean, status, training_report
    from zaoju.pipeline.init_project import Project, init_project
    from zaoju.pipeline.new_plugin import NewPlugin, new_plugin
    from zaoju.pipeline.pipeline import Pipeline
    from zaoju.pipeline.plan import plan_training
    from zaoju.pipeline.plan_page import write_plan_page
    from zaoju.pipeline.scores import Scores
    from zaoju.pipeline.text_tools import evaluate_files, segment
    from zaoju.pipeline.vocabulary_page import write_vocabulary_page
    from zaoju.pipeline.vocabulary_report import vocabulary_report
    from zaoju.pipeline.writing import Writer, open_writer, read_prompts, save_texts
    from zaoju.planning import Calibration, TrainingPlan
    from zaoju.plugins import PluginManager, PluginSettings
    from zaoju.tokenization import Tokenizer, VocabularyReport

_get, _names = lazy_names(
    __name__,
    {
        "zaoju.component": ("Component",),
        "zaoju.config": (
            "CheckedConfig",
            "ComponentDescription",
            "config_schema",
            "configured_threads",
            "describe_component",
            "discover_plugins",
            "plan_training",
            "plugin_listing",
            "show_config",
        ),
        "zaoju.contracts": (
            "Branch",
            "Cleaned",
            "Cleaner",
            "Columns",
            "Constraint",
            "Document",
            "DraftRequest",
            "Dropped",
            "Event",
            "EventSink",
            "Executor",
            "Hypothesis",
            "Initialiser",
            "KnownSource",
            "Matcher",
            "ModelOpener",
            "NewTokens",
            "OpenModel",
            "Options",
            "Part",
            "PartedReader",
            "Problem",
            "Proposer",
            "Reader",
            "Runner",
            "Search",
            "SearchContext",
            "SearchStep",
            "Segmenter",
            "Selector",
            "StepContext",
            "Strategy",
            "TokenTable",
            "TrackedTraining",
            "Tracker",
            "Trainer",
            "TrainingPlan",
            "TrainingRun",
            "Transform",
            "Turn",
            "VocabularyBuilder",
        ),
        "zaoju.corpus": ("Account",),
        "zaoju.errors": (
            "ArtefactError",
            "Cancelled",
            "ConfigError",
            "CorpusError",
            "EndedElsewhere",
            "PluginError",
            "ProcessError",
            "UserError",
        ),
        "zaoju.evaluation": ("Score", "SourceComparison"),
        "zaoju.generation": ("Chunk", "Engine", "Generation", "Request"),
        "zaoju.hookspecs": ("hookimpl",),
        "zaoju.launched": ("is_main_process",),
        "zaoju.pipeline.api": ("RunResult", "evaluate", "open_pipeline", "prepare", "run", "train", "vocabulary"),
        "zaoju.pipeline.calibrate": ("calibrate",),
        "zaoju.pipeline.checking": ("check_config",),
        "zaoju.pipeline.compare": ("ComparedRun", "Comparison", "compare"),
        "zaoju.pipeline.compare_page": ("write_comparison_page",),
        "zaoju.pipeline.scores": ("Scores",),
        "zaoju.pipeline.export": ("Exported", "export"),
        "zaoju.pipeline.extend": ("Extended", "extend"),
        "zaoju.pipeline.housekeeping": ("StageStatus", "Unused", "clean", "status", "training_report"),
        "zaoju.pipeline.init_project": ("Project", "init_project"),
        "zaoju.pipeline.new_plugin": ("NewPlugin", "new_plugin"),
        "zaoju.pipeline.pipeline": ("Pipeline",),
        "zaoju.pipeline.plan": ("plan_training",),
        "zaoju.pipeline.plan_page": ("write_plan_page",),
        "zaoju.pipeline.text_tools": ("evaluate_files", "segment"),
        "zaoju.pipeline.vocabulary_page": ("write_vocabulary_page",),
        "zaoju.pipeline.vocabulary_report": ("vocabulary_report",),
        "zaoju.pipeline.writing": ("Writer", "open_writer", "read_prompts", "save_texts"),
        "zaoju.planning": ("Calibration", "TrainingPlan"),
        "zaoju.plugins": ("PluginManager", "PluginSettings"),
        "zaoju.tokenization": ("Tokenizer", "VocabularyReport"),
    },
)


def __getattr__(name: str) -> object:
    return _version() if name == "__version__" else _get(name)


def _version() -> str:
    from importlib.metadata import version  # takes a tenth of the time of `zaoju --help`, which does not need it

    return version("zaoju")


def __dir__() -> list[str]:
    return [*_names(), "__version__"]


__all__ = [
    "Account",
    "ArtefactError",
    "Branch",
    "Calibration",
    "Cancelled",
    "CheckedConfig",
    "Chunk",
    "Cleaned",
    "Cleaner",
    "Columns",
    "ComparedRun",
    "Comparison",
    "Component",
    "ComponentDescription",
    "ConfigError",
    "Constraint",
    "CorpusError",
    "Document",
    "DraftRequest",
    "Dropped",
    "EndedElsewhere",
    "Engine",
    "Event",
    "EventSink",
    "Executor",
    "Exported",
    "Extended",
    "Generation",
    "Hypothesis",
    "Initialiser",
    "KnownSource",
    "Matcher",
    "ModelOpener",
    "NewPlugin",
    "NewTokens",
    "OpenModel",
    "Options",
    "Part",
    "PartedReader",
    "Pipeline",
    "PluginError",
    "PluginManager",
    "PluginSettings",
    "Problem",
    "ProcessError",
    "Project",
    "Proposer",
    "Reader",
    "Request",
    "RunResult",
    "Runner",
    "Score",
    "Scores",
    "Search",
    "SearchContext",
    "SearchStep",
    "Segmenter",
    "Selector",
    "SourceComparison",
    "StageStatus",
    "StepContext",
    "Strategy",
    "TokenTable",
    "Tokenizer",
    "TrackedTraining",
    "Tracker",
    "Trainer",
    "TrainingPlan",
    "TrainingRun",
    "Transform",
    "Turn",
    "Unused",
    "UserError",
    "VocabularyBuilder",
    "VocabularyReport",
    "Writer",
    "__version__",
    "calibrate",
    "check_config",
    "clean",
    "compare",
    "config_schema",
    "configured_threads",
    "describe_component",
    "discover_plugins",
    "evaluate",
    "evaluate_files",
    "export",
    "extend",
    "hookimpl",
    "init_project",
    "is_main_process",
    "new_plugin",
    "open_pipeline",
    "open_writer",
    "plan_training",
    "plugin_listing",
    "prepare",
    "read_prompts",
    "run",
    "save_texts",
    "segment",
    "show_config",
    "status",
    "train",
    "training_report",
    "vocabulary",
    "vocabulary_report",
    "write_comparison_page",
    "write_plan_page",
    "write_vocabulary_page",
]
