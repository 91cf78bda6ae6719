"""What a plugin of each kind must do."""

from zaoju.contracts.corpus import Cleaner, Document, Dropped, KnownSource, Problem, Reader
from zaoju.contracts.decoding import History, Selector, StepContext, Strategy, Transform
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
from zaoju.contracts.options import Options
from zaoju.contracts.runner import Runner
from zaoju.contracts.segmenter import Segmenter
from zaoju.contracts.trainer import ModelPlan, Preflight, Trainer, TrainingRun
from zaoju.contracts.vocabulary import PieceStream, VocabularyBuilder

__all__ = [
    "CheckpointSaved",
    "Cleaner",
    "Document",
    "Dropped",
    "Event",
    "EventSink",
    "HeldOutScored",
    "History",
    "KnownSource",
    "ModelPlan",
    "Notice",
    "Options",
    "PieceStream",
    "Preflight",
    "Problem",
    "Progress",
    "Reader",
    "Runner",
    "SampleWritten",
    "Segmenter",
    "Selector",
    "StageFinished",
    "StageSkipped",
    "StageStarted",
    "StepContext",
    "Strategy",
    "TrainStep",
    "Trainer",
    "TrainingRun",
    "Transform",
    "VocabularyBuilder",
]
