"""Small Chinese stories drawn from a grammar: the corpus that comes with the package."""

from __future__ import annotations

from zaoju_builtin.stories.story_grammar import Story, StoryGrammar

__all__ = ["Story", "StoryGrammar"]
