"""The transform at work in an engine: alone, in batches, streamed, with drafts, under a constraint, in a search."""

from __future__ import annotations

from dataclasses import replace

from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.contracts import Transform
from zaoju.errors import UserError
from zaoju.generation import Engine, Request
from zaoju.testing.engines import decoding_engine
from zaoju.testing.in_company import check_everywhere, check_in_company, requests_of
from zaoju.testing.requirements import pytest
from zaoju.testing.transforms.base import TransformRows
from zaoju.testing.transforms.options import Setting

_MOST_SETTINGS = 5


class EngineChecks(TransformRows):
    """Over a runner whose logits are equal in any company, so that every difference is the transform's."""

    def test_a_text_is_the_same_in_any_company(self, transform: Transform) -> None:
        """Alone, in batches, streamed, with drafts on and off, and under a constraint that allows everything."""
        engine = decoding_engine(memory=1)
        requests = requests_of([self._plan(engine, setting, {}) for setting in self._few(transform)])
        check_everywhere(engine, [request for request in requests if _can_begin(engine, request)])

    def test_beam_search_runs_or_is_refused(self, transform: Transform) -> None:
        """What cannot be is told when the config is checked, not while a text is written."""
        engine = decoding_engine()
        try:
            plans = [self._plan(engine, setting, {"search": "beam", "beams": 2}) for setting in self._few(transform)]
        except UserError as error:
            pytest.skip(f"it is refused with beam search: {error}")
        requests = requests_of([replace(plan, max_new_tokens=5) for plan in plans])
        check_in_company(engine, [request for request in requests if _can_begin(engine, request)][:4])

    @classmethod
    def _few(cls, transform: Transform) -> list[Setting]:
        settings = cls.settings(transform)
        return settings[:: -(-len(settings) // _MOST_SETTINGS)]

    @classmethod
    def _plan(cls, engine: Engine, setting: Setting, search: Setting) -> DecodingPlan:
        """The chain of this transform alone, as a config would give it."""
        if cls.component is not None:
            return resolve_decoding(engine.plugins, {"chain": [cls.component], **search, **setting})
        plan = resolve_decoding(engine.plugins, {"chain": ["temperature"], **search})
        return replace(plan, chain=(replace(cls.resolved(), options=setting),), options={**plan.options, **setting})


def _can_begin(engine: Engine, request: Request) -> bool:
    """Whether the options are not refused for the vocabulary, such as words that it cannot write."""
    try:
        engine.stream_request(request).close()
    except UserError:
        return False
    return True
