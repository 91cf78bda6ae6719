"""Presets with the order of other systems, so that numbers which were found there mean the same here.

Each begins at neutral values: nothing acts that the user does not write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zaoju import Strategy


class HuggingFace(Strategy):
    """The order of transformers' `generate`: penalties, then the temperature, then the filters.

    Its hidden `top_k=50` of a bare `do_sample=True` is not here; write it where it is meant.
    """

    chain = (
        "logit_bias",
        "repetition_penalty",
        "no_repeat_ngram",
        "bad_words",
        "minimum_length",
        "temperature",
        "top_h",
        "top_k",
        "top_p",
        "min_p",
        "typical",
        "epsilon",
        "eta",
        "watermark",
    )
    selector = "sample"
    defaults: ClassVar[Mapping[str, object]] = {
        "no_repeat_ngram_size": 0,
        "top_h": 1.0,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "typical_p": 1.0,
        "epsilon_cutoff": 0.0,
        "eta_cutoff": 0.0,
        "watermark_delta": 0.0,
    }


class VLLM(Strategy):
    """The order of vLLM: what is forbidden, then penalties, the temperature, min-p, and top-k before top-p.

    The frequency and presence penalties count the text alone; the repetition penalty the prompt too.
    """

    chain = (
        "bad_words",
        "minimum_length",
        "logit_bias",
        "repetition_penalty",
        "occurrence_penalty",
        "temperature",
        "min_p",
        "top_k",
        "top_p",
    )
    selector = "sample"
    defaults: ClassVar[Mapping[str, object]] = {"min_p": 0.0, "top_k": 0, "top_p": 1.0}


class LlamaCpp(Strategy):
    """The order of llama.cpp: penalties, DRY, the filters, XTC, and the temperature last.

    Its penalties look at the last 64 tokens, those of the prompt too, where 0 turns them off; here a window of 0 looks
    at all. Its DRY is ended by its own four breakers, none of them Chinese, and looks at all tokens, as there until
    August 2026; at 64 since. Its top-nσ stands before top-k and is not builtin here; with a package that offers it,
    write the chain.
    """

    chain = (
        "logit_bias",
        "repetition_penalty",
        "occurrence_penalty",
        "dry",
        "top_k",
        "typical",
        "top_p",
        "min_p",
        "xtc",
        "temperature",
        "dynamic_temperature",
    )
    selector = "sample"
    defaults: ClassVar[Mapping[str, object]] = {
        "repetition_window": 64,
        "penalty_window": 64,
        "penalty_prompt": True,
        "dry_multiplier": 0.0,
        "dry_breakers": ["\n", ":", '"', "*"],
        "top_k": 0,
        "typical_p": 1.0,
        "top_p": 1.0,
        "min_p": 0.0,
        "xtc_probability": 0.0,
        "dynatemp_min": 1.0,
        "dynatemp_max": 1.0,
    }
