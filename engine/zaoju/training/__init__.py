"""The training room: what a trainer needs besides its own loop."""

from zaoju.training.background import BackgroundSaves
from zaoju.training.batches import Batches, PackedBatches
from zaoju.training.best import best_folder, keep_best, write_artefact
from zaoju.training.checkpoint import Checkpoints
from zaoju.training.determinism import any_algorithms, deterministic
from zaoju.training.document_batches import DocumentBatches
from zaoju.training.environment import allow_environment
from zaoju.training.meter import Meter
from zaoju.training.preflight import Budget, Pace, count_looks, count_steps, estimate_memory, time_steps
from zaoju.training.processes import any_process, count_processes, from_main, main_does, process_number
from zaoju.training.schedule import Schedule
from zaoju.training.state import (
    Counters,
    HasState,
    load_model_state,
    load_state,
    other_environment,
    read_counters,
    save_counters,
    save_state,
    snapshot_state,
)
from zaoju.training.written import disk_errors

__all__ = [
    "BackgroundSaves",
    "Batches",
    "Budget",
    "Checkpoints",
    "Counters",
    "DocumentBatches",
    "HasState",
    "Meter",
    "Pace",
    "PackedBatches",
    "Schedule",
    "allow_environment",
    "any_algorithms",
    "any_process",
    "best_folder",
    "count_looks",
    "count_processes",
    "count_steps",
    "deterministic",
    "disk_errors",
    "estimate_memory",
    "from_main",
    "keep_best",
    "load_model_state",
    "load_state",
    "main_does",
    "other_environment",
    "process_number",
    "read_counters",
    "save_counters",
    "save_state",
    "snapshot_state",
    "time_steps",
    "write_artefact",
]
