"""On an accelerator nothing may look at numbers: there every transform has a formulation that can be captured, and it
gives the very bits of the one for a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch

from zaoju import PluginManager, Selector, StepContext, Transform
from zaoju.contracts import History
from zaoju.testing import TransformContract
from zaoju.testing.byte_table import ByteTable
from zaoju.testing.decoding_rows import Rows
from zaoju.testing.logit_cases import WIDTH, logit_cases, make_rows
from zaoju.testing.transforms.base import apply, check_rows

VARIED: Mapping[str, list[dict[str, object]]] = {
    "temperature": [{"temperature": value} for value in (0.0, 1e-7, 0.7, 1.0)],
    "top_k": [{"top_k": value} for value in (0, 1, 3, 40, 10_000)],
    "top_p": [{"top_p": value} for value in (0.0, 0.25, 0.9, 0.99999, 1.0)],
    "min_p": [{"min_p": value} for value in (0.0, 1e-9, 0.05, 0.5, 1.0)],
    "typical": [{"typical_p": value} for value in (0.0, 0.25, 0.9, 1.0)],
    "epsilon": [{"epsilon_cutoff": value} for value in (0.0, 6e-4, 0.9)],
    "eta": [{"eta_cutoff": value} for value in (0.0, 6e-4, 0.5)],
    "top_a": [{"top_a": value} for value in (0.0, 0.2, 1.0)],
    "top_h": [{"top_h": value} for value in (0.1, 0.5, 1.0)],
    "p_less": [{"p_less": value} for value in (True, False)],
    "xtc": [{"xtc_probability": value, "xtc_threshold": 0.02} for value in (0.0, 0.5, 1.0)],
    "dynamic_temperature": [{"dynatemp_min": 0.5, "dynatemp_max": value} for value in (0.5, 1.5)],
    "mirostat": [{"mirostat_tau": value} for value in (0.0, 1.0, 5.0)],
    "repetition_penalty": [{"repetition_penalty": value, "repetition_window": 5} for value in (0.5, 1.0, 1.7)],
    "occurrence_penalty": [{"frequency_penalty": 0.3, "presence_penalty": value} for value in (0.0, 0.4)],
    "no_repeat_ngram": [{"no_repeat_ngram_size": value} for value in (0, 1, 2, 3)],
    "dry": [{"dry_multiplier": 0.8, "dry_allowed_length": value} for value in (1, 2)],
    "minimum_length": [{"min_new_tokens": value} for value in (0, 9)],
    "logit_bias": [{"logit_bias": value} for value in ({}, {"id:3": 2.0, "id:0": -1.0})],
    "bad_words": [{"bad_words": value} for value in (["A"], ["AB", "。"])],
    "watermark": [{"watermark_delta": value} for value in (0.0, 2.0)],
}
NAMES = sorted(VARIED)
WIDE = 3000
SELECTORS = ("argmax", "sample")


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it, and from then on transforms choose what they would on an accelerator."""
    yield lambda: monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


class WideTable(ByteTable):
    """The same tokens, and many without text."""

    def __init__(self) -> None:
        super().__init__()
        self.size = WIDE

    def bytes_of(self, token: int) -> bytes | None:
        return super().bytes_of(token) if token < WIDTH else None


def wide_cases() -> dict[str, torch.Tensor]:
    """Rows of which a short list is not enough, and such of which it is."""
    generator = torch.Generator().manual_seed(3)
    ordinary = torch.randn(WIDE, generator=generator)
    return {
        "flat": ordinary * 0.01,
        "sure": ordinary * 9,
        "between": ordinary * 3,
        "many ties": (ordinary * 2).round(),
        "cut": (ordinary * 4).masked_fill(ordinary < 2, float("-inf")),
        "all equal": torch.zeros(WIDE),
    }


def rows_for(plugins: PluginManager, name: str) -> tuple[Transform, list[Rows]]:
    """A builtin transform, and rows of two widths with every kind of logits, histories and different options."""
    settings = [dict(plugins.resolve("transform", name, options).options) for options in VARIED[name]]
    transform = plugins.resolve("transform", name).create(Transform)
    return transform, [
        TransformContract.rows_of(transform, logit_cases(), settings, most=10_000),
        TransformContract.rows_of(transform, wide_cases(), settings, WideTable(), most=10_000),
    ]


def captured(function: Callable[..., torch.Tensor], rows: Rows) -> torch.Tensor:
    """What a method of a transform or a selector gives as one graph, with nothing that is not in it."""
    context, streams = rows.context(), {name: rows.numbers(name) for name in ("sample", "xtc")}

    def run(
        logits: torch.Tensor,
        columns: dict[str, torch.Tensor],
        numbers: dict[str, torch.Tensor],
        index: torch.Tensor,
        history: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        state: dict[str, torch.Tensor],
    ) -> torch.Tensor:
        given = StepContext(
            index, History(*history), logits.shape[1], context.end_of_text, lambda name: numbers[name], state
        )
        return function(logits, columns, given)

    past = (context.history.tokens, context.history.valid, context.history.prompt_length)
    torch.compiler.reset()
    compiled = torch.compile(run, fullgraph=True, dynamic=True, backend="eager")
    with torch.inference_mode():
        return compiled(rows.logits, rows.columns(), streams, context.index, past, rows.state())


def test_all_are_tried(plugins: PluginManager) -> None:
    ours = {offer.component.name for offer in plugins.offers("transform") if offer.package == "zaoju"}
    assert ours == set(NAMES)
    assert {offer.component.name for offer in plugins.offers("selector") if offer.package == "zaoju"} == set(SELECTORS)


@pytest.mark.parametrize("name", NAMES)
def test_both_formulations_give_the_same_bits(
    plugins: PluginManager, accelerator: Callable[[], None], name: str
) -> None:
    transform, both = rows_for(plugins, name)
    here = [apply(transform, rows) for rows in both]
    accelerator()
    for rows, expected in zip(both, here, strict=True):
        check_rows(rows, apply(transform, rows), expected, f"{name} gives other bits on an accelerator")


@pytest.mark.parametrize("name", NAMES)
def test_transforms_are_captured_whole(plugins: PluginManager, name: str) -> None:
    transform, both = rows_for(plugins, name)
    for rows in both:
        check_rows(rows, captured(transform.apply, rows), apply(transform, rows), f"{name} gives other bits captured")


@pytest.mark.parametrize("name", SELECTORS)
def test_selectors_are_captured_whole(plugins: PluginManager, accelerator: Callable[[], None], name: str) -> None:
    selector = plugins.resolve("selector", name).create(Selector)
    both = [Rows(make_rows(cases, [{}] * 40)) for cases in (logit_cases(), wide_cases())]
    here = [selector.select(rows.logits, rows.context()) for rows in both]
    for rows, expected in zip(both, here, strict=True):
        tokens = captured(lambda logits, columns, context: selector.select(logits, context), rows)
        assert torch.equal(tokens, expected)
    accelerator()
    for rows, expected in zip(both, here, strict=True):
        assert torch.equal(selector.select(rows.logits, rows.context()), expected)


def test_a_branch_by_a_number_is_noticed() -> None:
    """The negative control."""
    rows = Rows(make_rows(logit_cases(), [{}]))
    with pytest.raises(Exception, match=r"[Dd]ata-dependent"):
        captured(lambda logits, columns, context: logits * 2 if bool(logits.max() > 3) else logits, rows)
