"""Texts of a context-free grammar."""

from __future__ import annotations

from zaoju_builtin.decoding.constraints.form_file import read_form
from zaoju_builtin.decoding.constraints.llguidance_constraint import LLGuidanceConstraint
from zaoju_builtin.decoding.constraints.options import GrammarOptions


class Grammar(LLGuidanceConstraint[GrammarOptions]):
    """The text is what the rule `start` of a context-free grammar gives.

    The notation is that of Lark with llguidance's additions
    (https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md).
    """

    name = "grammar"

    def grammar(self) -> str:
        if self.options.file is None:
            return self.options.grammar or ""
        return read_form(self.name, self.options.file)
