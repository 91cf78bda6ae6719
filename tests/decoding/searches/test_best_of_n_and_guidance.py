"""The searches that ask the selector: best of n, and guidance."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search_driver import HashModel, Task, log_probability, plain, run

from zaoju.generation import sample_seeds
from zaoju_builtin.decoding.searches.best_of_n import BestOfN
from zaoju_builtin.decoding.searches.guidance import Guidance
from zaoju_builtin.decoding.searches.options import BestOfNOptions, GuidanceOptions
from zaoju_builtin.decoding.selectors.argmax import Argmax
from zaoju_builtin.decoding.selectors.sample import Sample

tasks = st.builds(
    Task,
    model=st.builds(HashModel, vocabulary_size=st.integers(2, 9), seed=st.integers(0, 10**6)),
    room=st.integers(1, 8),
    seed=st.integers(0, 10**9),
    stops=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=2).map(tuple), max_size=2),
    selector=st.sampled_from([Argmax(), Sample()]),
    chain=st.sampled_from([lambda logits: logits, lambda logits: logits / 1.7]),
    other_prompts=st.fixed_dictionaries({"": st.just((0,)), "不": st.just((3, 1))}),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(task=tasks, best_of=st.integers(1, 6), length_penalty=st.sampled_from([0.0, 1.0, 1.5]))
def test_best_of_n_is_the_best_of_the_plain_texts(task: Task, best_of: int, length_penalty: float) -> None:
    found = run(BestOfN(BestOfNOptions(best_of=best_of, length_penalty=length_penalty)), task)
    texts = [plain(replace(task, seed=seed)) for seed in sample_seeds(task.seed, best_of)]
    by_the_model = replace(task, chain=lambda logits: logits)
    scores = {text: log_probability(by_the_model, text) / len(text) ** length_penalty for text in texts}
    assert found.whole == pytest.approx(scores)
    assert found.tokens == max(scores, key=lambda text: scores[text])
    assert best_of > 1 or found.tokens == plain(task), "one of one is the plain text"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(task=tasks, scale=st.sampled_from([0.0, 0.5, 1.0, 1.5, 5.0]), negative=st.sampled_from(["", "不"]))
def test_guidance_is_the_plain_text_of_mixed_logits(task: Task, scale: float, negative: str) -> None:
    class Mixed:
        """The formula, in float64."""

        def logits(self, rows: list[tuple[int, ...]]) -> torch.Tensor:
            text = rows[0][len(task.prompt) :]
            conditional = task.model.logits(rows).double().log_softmax(1)
            unconditional = task.model.logits([task.other_prompts[negative] + text]).double().log_softmax(1)
            return (unconditional + scale * (conditional - unconditional)).float()

        def hidden(self, row: tuple[int, ...]) -> torch.Tensor:
            raise NotImplementedError

    search = Guidance(GuidanceOptions(guidance_scale=scale, negative_prompt=negative))
    assert search.width == (1 if scale == 1 else 2)
    # What the chain makes of the negative row must not matter.
    turned = replace(task, chain=lambda logits: torch.cat([task.chain(logits)[:1], -logits[1:]]))
    text = run(search, turned).tokens
    assert text == plain(replace(task, model=Mixed()))
    assert scale != 1 or text == plain(task)


def test_guidance_keeps_the_bits_at_scale_1_and_removed_tokens_removed() -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    assert Guidance(GuidanceOptions(guidance_scale=1.0)).mix(logits) is logits
    pair = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]).log() + torch.tensor([[7.0], [-2.0]])
    ratios = torch.tensor([0.5**3 / 0.1**2, 0.3, 0.2**3 / 0.6**2])
    assert torch.allclose(Guidance(GuidanceOptions(guidance_scale=3.0)).mix(pair)[0].exp(), ratios), "as log-softmax"
    pair = torch.tensor([[0.0, 1.0, -torch.inf, -torch.inf], [0.0, -torch.inf, 1.0, -torch.inf]])
    mixed = Guidance(GuidanceOptions(guidance_scale=3.0)).mix(pair)
    assert mixed.isfinite().tolist() == [[True, True, False, False]] * 2


def test_a_negative_prompt_pushes_its_own_continuations_away() -> None:
    """A token that the negative prompt makes likely gets less likely, and the more so the stronger the guidance."""
    pair = torch.tensor([[2.0, 2.0, 0.0], [2.0, 0.0, 0.0]])
    shares = [
        float(Guidance(GuidanceOptions(guidance_scale=scale)).mix(pair)[0].softmax(0)[0]) for scale in (0.5, 1.5, 4.0)
    ]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.5 > shares[-1]
