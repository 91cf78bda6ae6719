"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.initialisers"


def initialisers() -> list[Component]:
    """The builtin initialisers."""
    return [
        Component(
            "composed",
            f"{_HOME}.composed:ComposedRows",
            options=f"{_HOME}.options:ComposedOptions",
            summary="Composed as the model composes the tokens that it knows, by least squares",
        ),
        Component(
            "mean_of_parts",
            f"{_HOME}.parts:MeanOfParts",
            options=f"{_HOME}.options:TieOptions",
            summary="The mean of the tokens that were written before, with ties broken",
        ),
        Component(
            "weighted_parts",
            f"{_HOME}.parts:WeightedParts",
            options=f"{_HOME}.options:WeightedOptions",
            summary="As mean_of_parts, with weights that fall or rise from part to part",
        ),
        Component(
            "last_part",
            f"{_HOME}.parts:LastPart",
            options=f"{_HOME}.options:TieOptions",
            summary="The last token that was written before, with ties broken",
        ),
        Component(
            "similar_tokens",
            f"{_HOME}.similar:SimilarTokens",
            options=f"{_HOME}.options:SimilarOptions",
            needs=frozenset({"corpus"}),
            summary="A mean of old tokens that keep the same company in the corpus (FOCUS)",
        ),
        Component(
            "normal",
            f"{_HOME}.drawn:NormalRows",
            summary="Drawn with the mean and the covariance of all rows",
        ),
        Component(
            "random",
            f"{_HOME}.drawn:RandomRows",
            summary="Drawn around zero with the deviation of all numbers, as for a new model",
        ),
    ]
