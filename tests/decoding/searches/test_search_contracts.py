"""Every builtin search keeps its contract, wide and narrow."""

from __future__ import annotations

from zaoju.testing import SearchContract
from zaoju_builtin.decoding.searches.options import (
    BeamOptions,
    BestOfNOptions,
    ContrastiveOptions,
    DiverseBeamOptions,
    GuidanceOptions,
)


class TestBeam(SearchContract):
    component = "beam"


class TestWideBeamThatStopsAtOnce(SearchContract):
    component = "beam"
    options = BeamOptions(beams=9, length_penalty=-1.0, early_stopping=True)


class TestDiverseBeam(SearchContract):
    component = "diverse_beam"
    options = DiverseBeamOptions(beams=6, beam_groups=3, early_stopping="never")


class TestContrastive(SearchContract):
    component = "contrastive"


class TestContrastiveWithOneCandidate(SearchContract):
    component = "contrastive"
    options = ContrastiveOptions(contrastive_top_k=1)


class TestBestOfN(SearchContract):
    component = "best_of_n"


class TestBestOfOne(SearchContract):
    component = "best_of_n"
    options = BestOfNOptions(best_of=1)


class TestGuidance(SearchContract):
    component = "guidance"


class TestGuidanceByAPrompt(SearchContract):
    component = "guidance"
    options = GuidanceOptions(guidance_scale=3.0, negative_prompt="他在家里")
