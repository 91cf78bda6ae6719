"""The one guarantee of the engine, as a check: given equal logits, a request gives the same text in any company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zaoju.config import DecodingPlan
from zaoju.generation import Engine, Generation, Request
from zaoju.plugins import ResolvedComponent
from zaoju.testing.anything import ANYTHING
from zaoju.testing.hash_runner import HashRunner

PROMPTS = ("我想", "", "你在家里，我在家里，你", "龘", "我们说再见，我们说")
_LENGTHS = (24, 9, 30)


def requests_of(plans: Sequence[DecodingPlan]) -> list[Request]:
    """Every plan with several prompts, seeds and lengths."""
    return [
        Request.from_plan(
            PROMPTS[(number + other) % len(PROMPTS)],
            plan,
            seed=100 * number + other,
            max_new_tokens=_LENGTHS[(number + other) % len(_LENGTHS)],
        )
        for number, plan in enumerate(plans)
        for other in range(2)
    ]


def check_in_company(engine: Engine, requests: Sequence[Request]) -> list[Generation]:
    """Alone, in batches, in another order and streamed: the same texts. Nothing is left behind. Gives the texts."""
    alone = [engine.generate_batch([request])[0] for request in requests]
    for size in (2, 32):
        check_same(requests, engine.generate_batch(requests, batch_size=size), alone, f"in batches of {size}")
    backwards = engine.generate_batch(requests[::-1])[::-1]
    check_same(requests, backwards, alone, "in another order")
    for request, expected in zip(requests, alone, strict=True):
        chunks = list(engine.stream_request(request))
        streamed = "".join(chunk.text for chunk in chunks)
        assert streamed == expected.text, f"streamed, the text is {streamed!r} instead of {expected.text!r}: {request}"
    assert isinstance(engine.runner, HashRunner)
    assert not engine.runner.rows, "rows of the model were not freed"
    return alone


def check_everywhere(engine: Engine, requests: Sequence[Request]) -> None:
    """In any company, under a constraint that allows everything, and with drafts that are copied from the text."""
    alone = check_in_company(engine, requests)
    check_with_anything(engine, requests, alone)
    check_with_drafts(engine, requests, alone, engine.plugins.resolve("proposer", "prompt_lookup", {"min_ngram": 1}))


def check_with_anything(engine: Engine, requests: Sequence[Request], alone: Sequence[Generation]) -> None:
    """Under a constraint that allows everything: the same texts."""
    held = [_with(request, constraint=ANYTHING) for request in requests]
    check_same(requests, engine.generate_batch(held), alone, "with a constraint that allows everything")


def check_with_drafts(
    engine: Engine, requests: Sequence[Request], alone: Sequence[Generation], proposer: ResolvedComponent
) -> list[Generation]:
    """With guesses of `proposer`, alone and in a batch: the same texts. Gives the texts of the batch."""
    drafted = [_with(request, proposer=proposer) for request in requests]
    together = engine.generate_batch(drafted)
    check_same(requests, together, alone, f"with drafts of {proposer.name}")
    few = drafted[:4]
    check_same(
        requests[:4],
        [engine.generate_batch([request])[0] for request in few],
        alone[:4],
        f"alone, with drafts of {proposer.name}",
    )
    assert isinstance(engine.runner, HashRunner)
    assert not engine.runner.rows, "rows of the model were not freed"
    return together


def check_same(
    requests: Sequence[Request], given: Sequence[Generation], expected: Sequence[Generation], how: str
) -> None:
    """The same tokens, the same text, and the same end."""
    for request, one, other in zip(requests, given, expected, strict=True):
        same = (one.token_ids, one.text, one.finish_reason) == (other.token_ids, other.text, other.finish_reason)
        assert same, (
            f"{how}, the text after {request.prompt!r} is {one.text!r} ({one.finish_reason}) instead of {other.text!r} "
            f"({other.finish_reason}), with {dict(other.parameters)}"
        )


def _with(request: Request, **changes: ResolvedComponent) -> Request:
    assert request.plan is not None
    return replace(request, plan=replace(request.plan, **changes))  # type: ignore[arg-type]  # parts of a plan
