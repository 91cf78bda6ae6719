"""The kit for transforms."""

from __future__ import annotations

from zaoju.testing.transforms.device import DeviceChecks
from zaoju.testing.transforms.edges import EdgeChecks
from zaoju.testing.transforms.in_engine import EngineChecks
from zaoju.testing.transforms.meaning import MeaningChecks
from zaoju.testing.transforms.purity import PurityChecks, RowChecks
from zaoju.testing.transforms.state import StateChecks


class TransformContract(PurityChecks, RowChecks, EdgeChecks, StateChecks, DeviceChecks, MeaningChecks, EngineChecks):
    """Checks a `zaoju.Transform` on rows of every sort, each with options of its own, extreme ones among them.

    ```python
    class TestMyStrategy(TransformContract):
        component = "my_strategy"
        examples = [{"my_words": ["我们"]}]  # where options are no numbers

        def reference(self, logits, options, row):  # if you like: the definition, for one row in plain Python
            ...
    ```

    With `make = MyStrategy` instead, write `options = MyOptions()` too, as the class does not name its model.
    """
