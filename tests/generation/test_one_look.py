"""In a step of plain texts the host looks at the device once: at the tokens, together with what is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from host_looks import host_looks

from zaoju import Engine, PluginError, Request, StepContext
from zaoju.contracts import Columns
from zaoju.errors import ArtefactError
from zaoju.generation.chain import Chain
from zaoju.testing import HashRunner, decoding_engine
from zaoju_builtin.decoding.selectors.argmax import Argmax
from zaoju_builtin.decoding.transforms.temperature import Temperature
from zaoju_builtin.decoding.transforms.top_p import TopP

EVERYTHING = {
    "logit_bias": {"我": 1.0},
    "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 3,
    "bad_words": ["再见"],
    "min_new_tokens": 2,
    "temperature": 0.8,
    "top_h": 0.9,
    "top_k": 30,
    "top_p": 0.9,
    "min_p": 0.01,
    "typical_p": 0.9,
    "epsilon_cutoff": 1e-4,
    "eta_cutoff": 1e-4,
    "watermark_delta": 1.0,
}
WAYS: Sequence[Mapping[str, object]] = (
    {"strategy": "greedy"},
    {"strategy": "nucleus", "options": {"temperature": 0.7}},
    {"strategy": "top_k"},
    {"strategy": "hf", "options": EVERYTHING},
    {"strategy": "llamacpp", "options": {"dry_multiplier": 0.8, "xtc_probability": 0.5, "frequency_penalty": 0.2}},
    {"chain": ["mirostat", "bad_words", "occurrence_penalty"], "options": {"bad_words": ["我"], "mirostat_tau": 3.0}},
    {"chain": ["p_less", "top_a", "dynamic_temperature", "temperature"], "options": {"temperature": 0.0}},
)


def looks_of_a_step(monkeypatch: pytest.MonkeyPatch, ways: Sequence[Mapping[str, object]], rows: int = 3) -> list[str]:
    """The looks of the third step of a batch, as it would be on an accelerator."""
    engine = decoding_engine()
    requests = [Request("我想", seed=seed, max_new_tokens=9, **way) for way in ways for seed in range(rows)]  # type: ignore[arg-type]
    tasks = [engine._begin(request) for request in requests]
    with monkeypatch.context() as patch, engine._loop() as loop:
        # What transforms ask before they look.
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        loop.admit(tasks)
        loop.step()
        loop.step()
        with host_looks() as looks:
            loop.step()
        assert all(len(task.result.tokens) >= 3 for task in tasks)
    return looks


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_one_chain(monkeypatch: pytest.MonkeyPatch, way: Mapping[str, object]) -> None:
    assert looks_of_a_step(monkeypatch, [way]) == ["tolist"]


def test_several_chains_and_options_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = {"strategy": "hf"}
    assert looks_of_a_step(monkeypatch, [*WAYS, idle]) == ["tolist"]


def test_a_report_is_one_look_more(monkeypatch: pytest.MonkeyPatch) -> None:
    way = {"strategy": "nucleus", "logprobs": 3}
    assert looks_of_a_step(monkeypatch, [way]) == ["tolist", "tolist"]


@pytest.mark.parametrize(
    ("look", "name"),
    [
        (lambda logits: float(logits.max()), "__float__"),
        (lambda logits: logits[logits > 0], "index"),
        (lambda logits: logits.tolist(), "tolist"),
        (lambda logits: torch.equal(logits, logits), "equal"),
        (lambda logits: logits.repeat_interleave(torch.tensor([2] * len(logits)), dim=0), "repeat_interleave"),
        (lambda logits: torch.where(logits > 0), "where"),
    ],
)
def test_another_look_is_noticed(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[torch.Tensor], object], name: str
) -> None:
    """The negative control."""
    original = Temperature.apply

    def looking(self: Temperature, logits: torch.Tensor, options: Columns, context: StepContext) -> torch.Tensor:
        look(logits)
        return original(self, logits, options, context)

    monkeypatch.setattr(Temperature, "apply", looking)
    seen = looks_of_a_step(monkeypatch, [WAYS[1]])
    assert seen[-1] == "tolist" and name in seen[:-1]


class Broken(HashRunner):
    """Its weights are damaged."""

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        logits = super().step(rows, tokens)
        logits[-1, 3] = float("nan")
        return logits


@pytest.mark.parametrize(
    "way", [*WAYS, {"strategy": "beam"}, {"constraint": {"name": "regex", "pattern": "[我你他]+"}}], ids=str
)
def test_a_broken_model_is_blamed_and_no_part(way: Mapping[str, object]) -> None:
    """Although the look comes after the parts have worked with what is no number."""
    source = decoding_engine()
    engine = Engine(Broken(source.tokenizer.vocabulary_size, 96), source.tokenizer, source.plugins)
    with pytest.raises(ArtefactError, match="not finite for token 2 of the text after '你'"):
        engine.generate_batch([Request(prompt, max_new_tokens=5, **way) for prompt in ("我", "你")])  # type: ignore[arg-type]
    assert isinstance(engine.runner, HashRunner) and engine.runner.rows == {}


def test_a_part_that_fails_on_what_is_no_number_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: TopP, logits: torch.Tensor, *rest: object) -> torch.Tensor:
        if bool(logits.isnan().any()):
            raise ValueError("no number")
        return logits

    monkeypatch.setattr(TopP, "apply", fail)
    test_a_broken_model_is_blamed_and_no_part({"strategy": "nucleus"})


def test_a_chain_that_leaves_nothing_is_told_of_by_its_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chains in one batch, and the second is faulty."""
    monkeypatch.setattr(Argmax, "select", lambda self, logits, context: logits.argmin(dim=1))
    requests = [
        Request("我", strategy="top_k", max_new_tokens=4),
        Request("我", chain=["top_k"], selector="argmax", max_new_tokens=4),
    ]
    with pytest.raises(PluginError, match="the chain top_k -> argmax left no token to choose as token 1 of the text"):
        decoding_engine().generate_batch(requests)


def test_lines_of_one_chain_go_through_it_together(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = Chain.apply

    def counting(self: Chain, logits: torch.Tensor, *rest: object) -> object:
        calls.append(len(logits))
        return original(self, logits, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Chain, "apply", counting)
    requests = [Request("我", strategy=name, max_new_tokens=2, seed=1) for name in ("greedy", "top_k", "greedy")]
    decoding_engine().generate_batch(requests)
    assert calls == [2, 1, 2, 1]
