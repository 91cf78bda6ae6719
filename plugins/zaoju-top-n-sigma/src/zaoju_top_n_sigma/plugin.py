"""What this package offers to zaoju. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component, hookimpl

ZAOJU_CONTRACT = 1


@hookimpl
def zaoju_transforms() -> list[Component]:
    return [
        Component(
            "top_n_sigma",
            "zaoju_top_n_sigma.transform:TopNSigma",
            options="zaoju_top_n_sigma.options:TopNSigmaOptions",
            summary="Keeps the tokens within n standard deviations of the largest logit",
        )
    ]
