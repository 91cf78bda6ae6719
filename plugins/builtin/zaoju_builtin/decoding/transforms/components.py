"""What is offered here, by name and import string. Imports nothing heavy."""

from __future__ import annotations

from zaoju import Component

_HOME = "zaoju_builtin.decoding.transforms"


def transforms() -> list[Component]:
    """The builtin transforms."""
    return [
        _transform("temperature", "Temperature", "Divides the logits: below 1 is bolder, above 1 more varied"),
        _transform("top_k", "TopK", "Keeps the k most probable tokens"),
        _transform("top_p", "TopP", "Keeps the smallest set of tokens that holds the share p of the probability"),
        _transform("min_p", "MinP", "Keeps the tokens that are at least a share as probable as the most probable one"),
        _transform("typical", "Typical", "Keeps the tokens that are about as surprising as the model expects"),
        _transform("epsilon", "Epsilon", "Keeps the tokens whose probability is at least epsilon"),
        _transform("eta", "Eta", "Keeps the tokens above a cutoff that falls where the model is unsure"),
        _transform("top_a", "TopA", "Keeps the tokens above a share of the largest probability squared"),
        _transform("top_h", "TopH", "Keeps the most probable tokens that hold a share of the entropy"),
        _transform("p_less", "PLess", "Keeps the tokens above a cutoff that follows from the distribution alone"),
        _transform("xtc", "XTC", "Now and then removes the most probable tokens, for less usual text"),
        _transform("dynamic_temperature", "DynamicTemperature", "A temperature that rises where the model is unsure"),
        _transform("mirostat", "Mirostat", "Keeps how surprising the tokens are near a target, over the whole text"),
        _transform(
            "repetition_penalty",
            "RepetitionPenalty",
            "Makes tokens that were already used less probable",
            module="history_options",
        ),
        _transform(
            "occurrence_penalty",
            "OccurrencePenalty",
            "Frequency and presence penalty: the less probable, the oftener a token has come",
            module="history_options",
        ),
        _transform(
            "no_repeat_ngram",
            "NoRepeatNgram",
            "Lets no sequence of n tokens come twice",
            module="history_options",
            needs=frozenset({"whole_prompt"}),
        ),
        _transform(
            "dry",
            "DRY",
            "Holds back what would go on a repetition, the more the longer it is",
            module="history_options",
            needs=frozenset({"bytes"}),
        ),
        _transform("minimum_length", "MinimumLength", "Keeps the document from ending early", module="history_options"),
        _transform(
            "logit_bias",
            "LogitBias",
            "Adds a number of your own to the logit of a token",
            module="word_options",
            needs=frozenset({"whole_prompt"}),
        ),
        _transform(
            "bad_words",
            "BadWords",
            "Keeps words from being written, however the text is cut into tokens",
            module="word_options",
            needs=frozenset({"bytes", "whole_prompt"}),
        ),
        _transform("watermark", "Watermark", "Leaves a mark that a program can find", module="word_options"),
    ]


def _transform(
    name: str, target: str, summary: str, *, module: str = "options", needs: frozenset[str] = frozenset()
) -> Component:
    """A transform in the module of its name; its options are in `module`, named after its class."""
    return Component(
        name, f"{_HOME}.{name}:{target}", options=f"{_HOME}.{module}:{target}Options", summary=summary, needs=needs
    )
