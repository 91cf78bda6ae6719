"""The builtin proposers pass the kit that a stranger's proposer is checked with, and save work in an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_vocabularies import save_small_model
from zaoju import Engine, Request
from zaoju.generation import open_model
from zaoju.testing import ProposerContract, decoding_engine
from zaoju_builtin.decoding.proposers.options import DraftModelOptions


class TestPromptLookup(ProposerContract):
    component = "prompt_lookup"


class TestDraftModel(ProposerContract):
    component = "draft_model"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def draft(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("draft")
        save_small_model(folder, decoding_engine().tokenizer)
        cls.options = DraftModelOptions(draft=folder)


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_a_draft_that_is_the_model_itself_is_nearly_always_right(tmp_path: Path, temperature: float) -> None:
    tokenizer, plugins = decoding_engine().tokenizer, decoding_engine().plugins
    save_small_model(tmp_path, tokenizer)
    engine = Engine(open_model(tmp_path, device="cpu", plugins=plugins).runner, tokenizer, plugins)
    drafts = {"name": "draft_model", "draft": str(tmp_path), "temperature": temperature}
    requests = [
        Request(
            prompt,
            chain=["temperature"],
            options={"temperature": temperature},
            seed=seed,
            max_new_tokens=30,
            proposer=proposer,
        )
        for proposer in (None, drafts)
        for seed, prompt in enumerate(("我们", "在家", "大人说", ""))
    ]
    texts = engine.generate_batch(requests)
    assert [text.token_ids for text in texts[:4]] == [text.token_ids for text in texts[4:]]
    drafted, kept = (sum(getattr(text, name) for text in texts[4:]) for name in ("drafted_tokens", "kept_drafts"))
    # What lies beyond the end of a text, or has other logits by rounding, is lost.
    assert kept >= 0.9 * drafted >= 60
