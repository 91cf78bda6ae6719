"""What a plugin of each kind must do.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.contracts.constraint import Constraint, Matcher
    from zaoju.contracts.corpus import (
        Cleaned,
        Cleaner,
        Document,
        Dropped,
        KnownSource,
        Part,
        PartedReader,
        Place,
        Problem,
        Reader,
        Turn,
    )
    from zaoju.contracts.decoding import Columns, History, Selector, StepContext, Strategy, Transform
    from zaoju.contracts.events import (
        CheckpointSaved,
        Event,
        EventSink,
        HeldOutScored,
        Notice,
        Progress,
        SampleWritten,
        StageFinished,
        StageSkipped,
        StageStarted,
        TrainStep,
    )
    from zaoju.contracts.executor import Executor
    from zaoju.contracts.initialiser import Initialiser, NewTokens
    from zaoju.contracts.options import Options
    from zaoju.contracts.proposer import DraftRequest, ModelOpener, OpenModel, Proposer
    from zaoju.contracts.runner import Ability, Runner
    from zaoju.contracts.search import Branch, Hypothesis, Search, SearchContext, SearchStep
    from zaoju.contracts.segmenter import Segmenter
    from zaoju.contracts.tokens import TokenTable
    from zaoju.contracts.tracker import TrackedTraining, Tracker
    from zaoju.contracts.trainer import Preflight, Trainer, TrainingRun
    from zaoju.contracts.vocabulary import PieceStream, VocabularyBuilder
    from zaoju.models.plan import ModelPlan

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.contracts.constraint": ("Constraint", "Matcher"),
        "zaoju.contracts.corpus": (
            "Cleaned",
            "Cleaner",
            "Document",
            "Dropped",
            "KnownSource",
            "Part",
            "PartedReader",
            "Place",
            "Problem",
            "Reader",
            "Turn",
        ),
        "zaoju.contracts.decoding": ("Columns", "History", "Selector", "StepContext", "Strategy", "Transform"),
        "zaoju.contracts.events": (
            "CheckpointSaved",
            "Event",
            "EventSink",
            "HeldOutScored",
            "ModelOpener",
            "Notice",
            "OpenModel",
            "Progress",
            "SampleWritten",
            "StageFinished",
            "StageSkipped",
            "StageStarted",
            "TrainStep",
        ),
        "zaoju.contracts.executor": ("Executor",),
        "zaoju.contracts.initialiser": ("Initialiser", "NewTokens"),
        "zaoju.contracts.options": ("Options",),
        "zaoju.contracts.proposer": ("DraftRequest", "ModelOpener", "OpenModel", "Proposer"),
        "zaoju.contracts.runner": ("Ability", "Runner"),
        "zaoju.contracts.search": ("Branch", "Hypothesis", "Search", "SearchContext", "SearchStep"),
        "zaoju.contracts.segmenter": ("Segmenter",),
        "zaoju.contracts.tokens": ("TokenTable",),
        "zaoju.contracts.tracker": ("TrackedTraining", "Tracker"),
        "zaoju.contracts.trainer": ("Preflight", "Trainer", "TrainingRun"),
        "zaoju.contracts.vocabulary": ("PieceStream", "VocabularyBuilder"),
        "zaoju.models.plan": ("ModelPlan",),
    },
)

__all__ = [
    "Ability",
    "Branch",
    "CheckpointSaved",
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
    "HeldOutScored",
    "History",
    "Hypothesis",
    "Initialiser",
    "KnownSource",
    "Matcher",
    "ModelOpener",
    "ModelPlan",
    "NewTokens",
    "Notice",
    "OpenModel",
    "Options",
    "Part",
    "PartedReader",
    "PieceStream",
    "Place",
    "Preflight",
    "Problem",
    "Progress",
    "Proposer",
    "Reader",
    "Runner",
    "SampleWritten",
    "Search",
    "SearchContext",
    "SearchStep",
    "Segmenter",
    "Selector",
    "StageFinished",
    "StageSkipped",
    "StageStarted",
    "StepContext",
    "Strategy",
    "TokenTable",
    "TrackedTraining",
    "Tracker",
    "TrainStep",
    "Trainer",
    "TrainingRun",
    "Transform",
    "Turn",
    "VocabularyBuilder",
]
