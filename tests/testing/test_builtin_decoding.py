"""Every builtin transform and selector keeps its contract."""

from __future__ import annotations

from zaoju.testing import SelectorContract, TransformContract


class TestTemperature(TransformContract):
    component = "temperature"


class TestTopK(TransformContract):
    component = "top_k"


class TestTopP(TransformContract):
    component = "top_p"


class TestRepetitionPenalty(TransformContract):
    component = "repetition_penalty"


class TestArgmax(SelectorContract):
    component = "argmax"


class TestSample(SelectorContract):
    component = "sample"
