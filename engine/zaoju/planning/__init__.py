"""Trainings on paper: memory, arithmetic, time and cost by published formulas. Imports no torch.

Every name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaoju.lazy import lazy_names

if TYPE_CHECKING:
    from zaoju.planning.activations import layer_bytes
    from zaoju.planning.calibration import Calibration, MeasuredStep, StepRate
    from zaoju.planning.compute import (
        TYPICAL_MFU,
        bubble_factor,
        chinchilla_tokens,
        cost_of,
        devices_for,
        flops_per_token,
        flops_without_attention,
        megatron_flops_per_token,
        recomputation_factor,
        seconds_of,
    )
    from zaoju.planning.known_devices import DEVICES, Device, device_named, peak_of_gpu
    from zaoju.planning.memory import DeviceMemory, Pass, device_memory, stage_parameters, taken_from_system
    from zaoju.planning.messages import Communication, communication
    from zaoju.planning.precision import PRECISIONS, TrainingPrecision, precision_named
    from zaoju.planning.quantities import number_of
    from zaoju.planning.shape import ModelShape
    from zaoju.planning.sharding import CHECKPOINTING, Checkpointing, Sharding, check_checkpointing, shardings
    from zaoju.planning.sizes import GPT3_SIZES, PublishedSize, Suggestion, shape_of_size, size_names, suggest
    from zaoju.planning.states import StateBytes, state_bytes
    from zaoju.planning.step_size import WINDOWS_OF_GIVEN_STEPS, windows_of_step
    from zaoju.planning.training_plan import RESERVE, Cluster, ShardedMemory, TrainingPlan, Work, plan_work

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zaoju.planning.activations": ("layer_bytes",),
        "zaoju.planning.calibration": ("Calibration", "MeasuredStep", "StepRate"),
        "zaoju.planning.messages": ("Communication", "communication"),
        "zaoju.planning.compute": (
            "TYPICAL_MFU",
            "bubble_factor",
            "chinchilla_tokens",
            "cost_of",
            "devices_for",
            "flops_per_token",
            "flops_without_attention",
            "megatron_flops_per_token",
            "recomputation_factor",
            "seconds_of",
        ),
        "zaoju.planning.known_devices": ("DEVICES", "Device", "device_named", "peak_of_gpu"),
        "zaoju.planning.memory": ("DeviceMemory", "Pass", "device_memory", "stage_parameters", "taken_from_system"),
        "zaoju.planning.precision": ("PRECISIONS", "TrainingPrecision", "precision_named"),
        "zaoju.planning.quantities": ("number_of",),
        "zaoju.planning.shape": ("ModelShape",),
        "zaoju.planning.sharding": (
            "CHECKPOINTING",
            "Checkpointing",
            "Sharding",
            "check_checkpointing",
            "shardings",
        ),
        "zaoju.planning.sizes": (
            "GPT3_SIZES",
            "PublishedSize",
            "Suggestion",
            "shape_of_size",
            "size_names",
            "suggest",
        ),
        "zaoju.planning.states": ("StateBytes", "state_bytes"),
        "zaoju.planning.step_size": ("WINDOWS_OF_GIVEN_STEPS", "windows_of_step"),
        "zaoju.planning.training_plan": (
            "RESERVE",
            "Cluster",
            "ShardedMemory",
            "TrainingPlan",
            "Work",
            "plan_work",
        ),
    },
)

__all__ = [
    "CHECKPOINTING",
    "DEVICES",
    "GPT3_SIZES",
    "PRECISIONS",
    "RESERVE",
    "TYPICAL_MFU",
    "WINDOWS_OF_GIVEN_STEPS",
    "Calibration",
    "Checkpointing",
    "Cluster",
    "Communication",
    "Device",
    "DeviceMemory",
    "MeasuredStep",
    "ModelShape",
    "Pass",
    "PublishedSize",
    "ShardedMemory",
    "Sharding",
    "StateBytes",
    "StepRate",
    "Suggestion",
    "TrainingPlan",
    "TrainingPrecision",
    "Work",
    "bubble_factor",
    "check_checkpointing",
    "chinchilla_tokens",
    "communication",
    "cost_of",
    "device_memory",
    "device_named",
    "devices_for",
    "flops_per_token",
    "flops_without_attention",
    "layer_bytes",
    "megatron_flops_per_token",
    "number_of",
    "peak_of_gpu",
    "plan_work",
    "precision_named",
    "recomputation_factor",
    "seconds_of",
    "shape_of_size",
    "shardings",
    "size_names",
    "stage_parameters",
    "state_bytes",
    "suggest",
    "taken_from_system",
    "windows_of_step",
]
