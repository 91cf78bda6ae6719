"""The transforms that look at the distribution only keep the contract, and do what their definitions say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import distribution_references as definitions

from zaoju.testing import Row, TransformContract


def only(logits: Sequence[float], kept: set[int]) -> list[float]:
    return [logit if token in kept else definitions.NOTHING for token, logit in enumerate(logits)]


class FilterContract(TransformContract):
    """Of a filter that has one option."""

    option: ClassVar[str]

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> list[float] | None:
        """None where rounding decides: `test_distribution_filters` has boundaries without any rounding."""
        _, keep = definitions.FILTERS[self.option]
        least, most = definitions.around(options[self.option])
        kept = keep(logits, least)
        return only(logits, kept) if kept == keep(logits, most) else None


class TestMinP(FilterContract):
    component, option = "min_p", "min_p"


class TestTypical(FilterContract):
    component, option = "typical", "typical_p"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> list[float] | None:
        return super().reference(logits, options, row) if definitions.typical_order_is_clear(logits) else None


class TestEpsilon(FilterContract):
    component, option = "epsilon", "epsilon_cutoff"


class TestEta(FilterContract):
    component, option = "eta", "eta_cutoff"


class TestTopA(FilterContract):
    component, option = "top_a", "top_a"


class TestTopH(FilterContract):
    component, option = "top_h", "top_h"


class TestPLess(FilterContract):
    component, option = "p_less", "p_less"


class TestXTC(TransformContract):
    component = "xtc"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> list[float]:
        if row.random("xtc") > options["xtc_probability"]:
            return list(logits)
        return only(logits, definitions.xtc(logits, options["xtc_threshold"]))


class TestDynamicTemperature(TransformContract):
    component = "dynamic_temperature"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> list[float]:
        names = ("dynatemp_min", "dynatemp_max", "dynatemp_exponent")
        temperature = definitions.dynamic_temperature(logits, *(options[name] for name in names))
        if temperature < 1e-5:
            return only(logits, {logits.index(max(logits))})
        return [logit / temperature for logit in logits]


class TestMirostat(TransformContract):
    component = "mirostat"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> list[float]:
        if options["mirostat_tau"] == 0:
            return list(logits)
        return only(logits, definitions.mirostat(logits, float(row.state["mu"])))
