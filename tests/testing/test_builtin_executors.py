"""The builtin executors keep the contract."""

from __future__ import annotations

import pytest

from zaoju.testing import ExecutorContract


class TestProcesses(ExecutorContract):
    component = "processes"


@pytest.mark.slow
class TestRay(ExecutorContract):
    component = "ray"
