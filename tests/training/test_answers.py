"""The loss counts on answers alone: by hand, in every trainer, in both kinds of windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packed_corpus import make_run
from trainer_cases import CASES

from support.conversations import CONVERSATIONS, chat_tokenizer, pack
from zaoju import Turn, UserError
from zaoju.contracts import Event, ModelPlan, TrainingRun, TrainStep
from zaoju.models import CausalLM, new_model
from zaoju.models.cross_entropy import linear_cross_entropy
from zaoju.training import Batches, DocumentBatches, PackedBatches
from zaoju.training.batches import IGNORED
from zaoju_builtin.trainers.options import LeanOptions
from zaoju_builtin.trainers.planning import make_batches

TOKENIZER = chat_tokenizer()
LONGEST = max(len(TOKENIZER.conversations.encode(turns).ids) for turns in CONVERSATIONS)
_NO_DROPOUT = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
NUMBERS = {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 2 * LONGEST, **_NO_DROPOUT}
PLAN = ModelPlan("gpt2", NUMBERS, TOKENIZER.vocabulary_size, TOKENIZER.end_of_text)


def by_hand(model: CausalLM) -> float:
    """The mean cross-entropy of the tokens of all answers, each conversation read alone."""
    losses = []
    for turns in CONVERSATIONS:
        tokens = TOKENIZER.conversations.encode(turns)
        with torch.no_grad():
            logits = model.eval()(torch.tensor([tokens.ids[:-1]]))[0]
        counts = torch.tensor(tokens.counts[1:])
        losses.append(F.cross_entropy(logits[counts], torch.tensor(tokens.ids[1:])[counts], reduction="none"))
    return float(torch.cat(losses).mean())


def run_of(folder: Path, plan: ModelPlan, events: list[Event]) -> TrainingRun:
    pack(folder / "train", TOKENIZER)
    return make_run(folder, emit=events.append, model=plan)


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_loss_of_every_trainer_is_that_of_the_answers(tmp_path: Path, name: str, accumulate: int) -> None:
    events: list[Event] = []
    model = new_model(PLAN, seed=3)
    model.save(tmp_path / "first")
    plan = replace(PLAN, init_from=tmp_path / "first") if name == "lora" else PLAN
    batch_size = len(CONVERSATIONS) // accumulate
    case = CASES[name]
    trainer = case.build(
        steps=2, batch_size=batch_size, accumulate=accumulate, **({"dropout": 0.0} if name == "lora" else {})
    )
    trainer.train(run_of(tmp_path / "run", plan, events))
    first, *_ = [event for event in events if isinstance(event, TrainStep)]
    assert first.loss == pytest.approx(by_hand(model), rel=1e-5)
    answers = sum(sum(TOKENIZER.conversations.encode(turns).counts) for turns in CONVERSATIONS)
    assert first.tokens == answers
    whole = [TOKENIZER.conversations.encode(turns).ids for turns in CONVERSATIONS]
    everything = float(
        np.mean([F.cross_entropy(model(torch.tensor([ids[:-1]]))[0], torch.tensor(ids[1:])).item() for ids in whole])
    )
    assert abs(first.loss - everything) > 1e-3, "a loss on all tokens would be seen"


def test_what_was_asked_gives_no_gradient(tmp_path: Path) -> None:
    """Neither from the head that computes in chunks nor from torch's own loss."""
    batches = DocumentBatches(pack(tmp_path / "p", TOKENIZER), window=64, batch_size=3, end_of_text=0, seed=1)
    ids, targets = batches.batch(0)
    model = new_model(PLAN, seed=3)
    hidden = torch.randn(targets.numel(), 32, requires_grad=True)
    linear_cross_entropy(hidden, model.token_parameters()[0].detach(), targets.flatten()).backward()
    assert hidden.grad is not None
    moved = hidden.grad.abs().sum(dim=1) > 0
    assert torch.equal(moved, targets.flatten() != IGNORED)
    assert 0 < moved.sum() < len(moved)
    before = model.loss(ids, targets)
    changed = torch.where(targets == IGNORED, IGNORED, (targets + 1) % 5)
    assert not torch.equal(before, model.loss(ids, changed))


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox"])
def test_nothing_to_learn_is_no_loss_and_no_nan(architecture: str) -> None:
    numbers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    plan = ModelPlan("gpt2", NUMBERS, 40, 0) if architecture == "gpt2" else ModelPlan(architecture, numbers, 40, 0)
    model = new_model(plan, seed=1)
    ids = torch.arange(8)[None]
    loss = model.loss(ids, torch.full_like(ids, IGNORED))
    loss.backward()
    assert loss.item() == 0
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert all(bool((gradient == 0).all()) for gradient in gradients)


def learned(batches: Batches) -> list[int]:
    """All targets of an epoch, in order of size."""
    rows: list[int] = []
    windows = index = 0
    while windows < batches.windows:
        _, targets = batches.batch(index)
        assert bool((targets != IGNORED).any(dim=1).all()), "every window has something to learn"
        rows += targets[targets != IGNORED].tolist()
        windows, index = windows + len(targets), index + 1
    assert windows == batches.windows
    return sorted(rows)


@pytest.mark.parametrize("window", [3, 5, 200])
def test_an_epoch_learns_every_answer_once_and_nothing_else(tmp_path: Path, window: int) -> None:
    packed = pack(tmp_path / "p", TOKENIZER, [*CONVERSATIONS, "春天来了", CONVERSATIONS[0]])
    assert packed.counts is not None
    batches = DocumentBatches(packed, window=window, batch_size=1, end_of_text=TOKENIZER.end_of_text, seed=1)
    assert learned(batches) == sorted(packed.tokens[packed.counts].tolist())


@pytest.mark.parametrize("window", [3, 5, 200])
def test_windows_of_the_stream_learn_answers_alone(tmp_path: Path, window: int) -> None:
    packed = pack(tmp_path / "p", TOKENIZER)
    assert packed.counts is not None
    batches = PackedBatches(packed, window=window, batch_size=1, seed=1)
    counted = packed.tokens[packed.counts].tolist()
    got = learned(batches)
    last_twice = [token for token in got if got.count(token) > counted.count(token)]
    assert set(got) == set(counted) and len(got) - len(counted) <= window
    assert len(last_twice) <= 2 * window * len(set(last_twice))


def test_a_conversation_is_read_as_its_template_begins_it(tmp_path: Path) -> None:
    packed = pack(tmp_path / "p", TOKENIZER, [CONVERSATIONS[0]])
    batches = DocumentBatches(packed, window=64, batch_size=1, end_of_text=TOKENIZER.end_of_text, seed=1)
    ids, targets = batches.batch(0)
    expected = TOKENIZER.conversations.encode(CONVERSATIONS[0])
    assert ids.tolist() == [expected.ids[:-1]]
    assert targets.tolist() == [
        [token if counts else IGNORED for token, counts in zip(expected.ids[1:], expected.counts[1:], strict=True)]
    ]


def test_conversations_are_read_one_by_one_unless_asked_otherwise(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", PLAN, [])
    assert isinstance(make_batches(run, LeanOptions(batch_size=4), 64), DocumentBatches)
    assert isinstance(make_batches(run, LeanOptions(batch_size=4, windows="packed"), 64), PackedBatches)
    assert isinstance(make_batches(make_run(tmp_path / "plain"), LeanOptions(batch_size=4), 16), PackedBatches)


@pytest.mark.parametrize("windows", ["packed", "documents"])
def test_no_answers_are_told(tmp_path: Path, windows: str) -> None:
    pack(tmp_path / "run" / "train", TOKENIZER, [(Turn("user", "我想你"),), (Turn("user", "天"),)])
    run = make_run(tmp_path / "run", model=PLAN)
    trainer = CASES["lean"].build(windows=windows)
    for act in (trainer.preflight, trainer.train):
        with pytest.raises(UserError, match="none has an answer to learn"):
            act(run)
