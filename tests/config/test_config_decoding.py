"""Decoding settings become a chain with every number in the open, or an error."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from zaoju.config import resolve_decoding
from zaoju.errors import UserError
from zaoju.plugins import PluginManager

ACTS_BEFORE = ["repetition_penalty", "temperature"]
NO_PENALTY = {"repetition_penalty": 1.0, "repetition_window": 0}


@pytest.mark.parametrize(
    ("settings", "chain", "selector", "options"),
    [
        ({}, [*ACTS_BEFORE, "top_p"], "sample", {"temperature": 1.0, **NO_PENALTY, "top_p": 0.9}),
        ({"strategy": "greedy"}, ["repetition_penalty"], "argmax", NO_PENALTY),
        (
            {"strategy": "top_k", "top_k": 3},
            [*ACTS_BEFORE, "top_k"],
            "sample",
            {"temperature": 1.0, **NO_PENALTY, "top_k": 3},
        ),
        (
            {"strategy": "top_p", "top_p": 1},
            [*ACTS_BEFORE, "top_p"],
            "sample",
            {"temperature": 1.0, **NO_PENALTY, "top_p": 1.0},
        ),
        ({"strategy": "temperature"}, ACTS_BEFORE, "sample", {**NO_PENALTY, "temperature": 1.0}),
        (
            {"chain": ["top_k", "temperature"], "top_k": 0},
            ["top_k", "temperature"],
            "sample",
            {"top_k": 0, "temperature": 1},
        ),
        ({"chain": [], "selector": "argmax"}, [], "argmax", {}),
        (
            {"strategy": "shifted"},
            ["temperature", "shift"],
            "sample",
            {"temperature": 0.7, "shift": 0.5, "mirror": False},
        ),
        (
            {"strategy": "shifted", "shift": 2, "mirror": True},
            ["temperature", "shift"],
            "sample",
            {"temperature": 0.7, "shift": 2, "mirror": True},
        ),
        (
            {"strategy": "shift"},
            [*ACTS_BEFORE, "shift"],
            "sample",
            {**NO_PENALTY, "temperature": 1.0, "shift": 0.0, "mirror": False},
        ),
    ],
)
def test_the_plan_lists_all_that_acts(
    more_plugins: PluginManager, settings: dict[str, object], chain: list[str], selector: str, options: dict[str, float]
) -> None:
    plan = resolve_decoding(more_plugins, settings)
    assert [part.name for part in plan.chain] == chain
    assert plan.selector.name == selector
    assert plan.options == options
    assert {key: value for part in plan.chain for key, value in part.options.items()} == options
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_plan_says_what_was_asked(plugins: PluginManager) -> None:
    assert resolve_decoding(plugins, {}).strategy == "nucleus"
    assert resolve_decoding(plugins, {"strategy": "top_p"}).strategy == "top_p"
    assert resolve_decoding(plugins, {"chain": ["temperature", "top_k"]}).strategy == "temperature+top_k+sample"
    plan = resolve_decoding(plugins, {"max_new_tokens": 5, "stop": ("。",), "seed": 9})
    assert (plan.max_new_tokens, plan.stop, plan.seed) == (5, ("。",), 9)


def test_the_identity_changes_with_every_setting(plugins: PluginManager) -> None:
    different: list[dict[str, object]] = [
        {},
        {"top_p": 0.5},
        {"seed": 1},
        {"stop": ["x"]},
        {"max_new_tokens": 7},
        {"strategy": "greedy"},
    ]
    identities = [repr(resolve_decoding(plugins, settings).identity()) for settings in different]
    assert len(set(identities)) == len(different)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_p": 1.5}, "top_p: must be <= 1, got 1.5"),
        ({"top_p": 1.5, "temperature": -1}, "temperature: must be >= 0, got -1\ntop_p: must be <= 1, got 1.5"),
        ({"top_p": "a"}, "top_p: must be a number, got 'a'"),
        ({"top_p": True}, "top_p: must be a number, got true"),
        ({"top_p": None}, "top_p: must be a number, got nothing"),
        ({"top_p": float("nan")}, "top_p: must be a finite number, got nan"),
        ({"strategy": "top_k", "top_k": 1.5}, "top_k: must be a whole number, got 1.5"),
        ({"chain": ["shift"], "mirror": 1}, "mirror: must be true or false, got 1"),
        ({"chain": ["shift"], "shift": -2}, "shift: must be >= -1, got -2"),
        ({"max_new_tokens": 0}, "max_new_tokens: must be >= 1, got 0"),
        ({"stop": "。"}, "stop: must be a list, got '。'; write [。]"),
        ({"stop": [""]}, "stop.0: must have at least 1 character, got ''"),
        (
            {"tpo_p": 1},
            "tpo_p: unknown key 'tpo_p'; did you mean 'top_p'? Known: chain, constraint, logprobs, max_new_tokens, "
            "proposer, repetition_penalty, repetition_window, search, seed, selector, stop, strategy, temperature, "
            "token_healing, top_p",
        ),
        ({"strategy": "greedy", "tpo_p": 1}, "unknown key 'tpo_p'; did you mean 'top_p'? Known: chain, constraint,"),
        ({"max_new_token": 1}, "did you mean 'max_new_tokens'?"),
        (
            {"top_k": 5},
            "top_k: has no effect with strategy 'nucleus', whose chain is [repetition_penalty, temperature, top_p]; "
            "leave it out, or set the order yourself instead of a strategy: "
            "`chain: [repetition_penalty, temperature, top_p, top_k]`",
        ),
        (
            {"chain": ["top_k"], "temperature": 1},
            "temperature: has no effect with the chain [top_k]; leave it out, or add it: `chain: [top_k, temperature]`",
        ),
        (
            {"strategy": "nuclear"},
            "strategy: no strategy is named 'nuclear'; did you mean 'nucleus'? Available: beam, ",
        ),
        ({"strategy": "nuclear"}, "One transform or search can be named too. There are: "),
        ({"strategy": "minp"}, "One transform or search can be named too; did you mean 'min_p'? There are: "),
        ({"chain": ["top_q"]}, "chain: no transform is named 'top_q'; did you mean 'top_p'?"),
        ({"chain": ["top_k"], "selector": "smaple"}, "selector: no selector is named 'smaple'; did you mean 'sample'?"),
        ({"chain": ["top_k", "zaoju:top_k"]}, "chain: top_k stands more than once in the chain [top_k, zaoju:top_k]"),
        ({"chain": ["temperature", "clash"]}, "chain: transform 'temperature' of zaoju and transform 'clash' of"),
        ({"chain": ["talkative"], "mode": 3}, "mode: must be text, got 3"),
        (
            {"chain": ["temperature"], "search": "baem"},
            "search: no search is named 'baem'; did you mean 'beam'? Available:",
        ),
        ({"strategy": "greedy", "search": "beam"}, "`search` belongs to a `chain`; a strategy has its own"),
        (
            {"chain": [], "search": "beam", "selector": "argmax"},
            "selector: has no effect with the search 'beam', which chooses by itself; leave it out",
        ),
        (
            {"strategy": "beam", "proposer": "prompt_lookup"},
            "proposer: does not go together with the search 'beam': drafts serve one text at a time; keep one",
        ),
        ({"beams": 3}, "beams: has no effect with strategy 'nucleus', whose chain is"),
        ({"constraint": "regex"}, "constraint.pattern: is required"),
        ({"constraint": {"name": "regex", "patern": "a"}}, "constraint.patern: unknown key 'patern'; did you mean"),
        ({"constraint": "rejex"}, "constraint: no constraint is named 'rejex'; did you mean 'regex'?"),
        ({"proposer": {"name": "prompt_lookup", "max_tokens": 0}}, "proposer.max_tokens: must be >= 1, got 0"),
        ({"logprobs": -1}, "logprobs: must be >= 0, got -1"),
        ({"chain": ["broken"]}, "transform 'broken' of"),
        ({"strategy": "crooked"}, "strategy: strategy 'crooked' of"),
        ({"strategy": "lost"}, "config_test_plugin:NoSuchStrategy cannot be imported"),
    ],
)
def test_what_cannot_be_is_refused(more_plugins: PluginManager, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve_decoding(more_plugins, settings)
    assert message in str(caught.value)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, zaoju.config as c; from zaoju.plugins import PluginManager; p = PluginManager.discover();"
        "c.resolve_decoding(p, {}); c.check(c.load_config(None), p); c.json_schema(p);"
        "heavy = {'torch', 'transformers', 'tokenizers', 'numpy', 'jieba'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
