"""The kit for model runners."""

from __future__ import annotations

from zaoju.testing.runners.abilities import AbilityChecks
from zaoju.testing.runners.form import FormChecks
from zaoju.testing.runners.limits import LimitChecks
from zaoju.testing.runners.purity import PurityChecks
from zaoju.testing.runners.rows import RowChecks
from zaoju.testing.runners.scores import ScoreChecks
from zaoju.testing.runners.walk import WalkChecks


class RunnerContract(FormChecks, RowChecks, LimitChecks, AbilityChecks, ScoreChecks, PurityChecks, WalkChecks):
    """Checks a `zaoju.Runner`: whatever its rows do and whoever is beside them, each has the logits of its own text.

    ```python
    class TestMyRunner(RunnerContract):
        component = "my_runner"  # where it is registered

        def open(self):  # over a small model, with room for 8 rows of 32 tokens
            return MyRunner.open(FOLDER)

        def reference(self, tokens):  # if you like: the logits after these tokens, from elsewhere
            ...
    ```
    """
