"""Every builtin of decoding keeps its contract. Searches and the filters of distributions are with their own tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from zaoju import PluginManager
from zaoju.models import GPT2, GPT2Config
from zaoju.testing import (
    ConstraintContract,
    ProposerContract,
    Row,
    SelectorContract,
    StrategyContract,
    TransformContract,
    decoding_engine,
)
from zaoju_builtin.decoding.constraints.options import (
    ChoiceOptions,
    GrammarOptions,
    JsonSchemaOptions,
    RegexOptions,
)
from zaoju_builtin.decoding.proposers.options import DraftModelOptions, PromptLookupOptions

DECODING = ["transform", "selector", "strategy", "search", "proposer", "constraint"]


class TestTemperature(TransformContract):
    component = "temperature"

    def reference(self, logits: Sequence[float], options: Mapping[str, float], row: Row) -> Sequence[float]:
        temperature = options["temperature"]
        if temperature < 1e-5:
            best = logits.index(max(logits))
            return [value if token == best else -float("inf") for token, value in enumerate(logits)]
        return [value / temperature for value in logits]


class TestTopK(TransformContract):
    component = "top_k"


class TestTopP(TransformContract):
    component = "top_p"


class TestArgmax(SelectorContract):
    component = "argmax"
    draws = False


class TestSample(SelectorContract):
    component = "sample"


class TestGreedy(StrategyContract):
    component = "greedy"


class TestTopKStrategy(StrategyContract):
    component = "top_k"


class TestNucleus(StrategyContract):
    component = "nucleus"


class TestSampleStrategy(StrategyContract):
    component = "sample"


class TestHuggingFace(StrategyContract):
    component = "hf"


class TestVLLM(StrategyContract):
    component = "vllm"


class TestLlamaCpp(StrategyContract):
    component = "llamacpp"


class TestBeamStrategy(StrategyContract):
    component = "beam"


class TestDiverseBeamStrategy(StrategyContract):
    component = "diverse_beam"


class TestContrastiveStrategy(StrategyContract):
    component = "contrastive"


class TestBestOfNStrategy(StrategyContract):
    component = "best_of_n"


class TestGuidanceStrategy(StrategyContract):
    component = "guidance"


class TestPromptLookup(ProposerContract):
    component = "prompt_lookup"
    options = PromptLookupOptions(min_ngram=1)


class TestDraftModel(ProposerContract):
    component = "draft_model"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def draft(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        """A small model with the vocabulary of the kit's engine."""
        folder = tmp_path_factory.mktemp("draft")
        tokenizer = decoding_engine().tokenizer
        tokenizer.save(folder)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            GPT2(GPT2Config(tokenizer.vocabulary_size, n_positions=96, n_embd=16, n_layer=1, n_head=2)).save(folder)
        cls.options = DraftModelOptions(draft=folder, max_tokens=3)


class TestRegex(ConstraintContract):
    component = "regex"
    options = RegexOptions(pattern="(今天|明天)[0-9]{1,3}号?|龘{2}")
    examples: ClassVar[Sequence[str]] = ["今天12号", "明天1", "龘龘"]
    counterexamples: ClassVar[Sequence[str]] = ["", "今天", "今天1234", "今天的1", "龘"]

    def matches(self, text: str) -> bool:
        return re.fullmatch("(今天|明天)[0-9]{1,3}号?|龘{2}", text) is not None


class TestChoice(ConstraintContract):
    component = "choice"
    options = ChoiceOptions(choices=["我", "我们", "(今天)"])
    examples: ClassVar[Sequence[str]] = ["我", "我们", "(今天)"]
    counterexamples: ClassVar[Sequence[str]] = ["", "们", "我我", "今天"]

    def matches(self, text: str) -> bool:
        return text in self.examples


class TestJsonSchema(ConstraintContract):
    component = "json_schema"
    options = JsonSchemaOptions(
        schema={
            "type": "object",
            "properties": {"岁": {"type": "integer", "minimum": 0, "maximum": 99}, "好": {"enum": ["是", "否"]}},
            "required": ["岁", "好"],
            "additionalProperties": False,
        }
    )
    examples: ClassVar[Sequence[str]] = ['{"岁": 12, "好": "是"}', '{"岁":0,"好":"否"}']
    counterexamples: ClassVar[Sequence[str]] = ["", "{}", '{"岁": 12', '{"岁": 100, "好": "是"}', '{"好": "是"}']

    def matches(self, text: str) -> bool:
        value = json.loads(text)
        return set(value) == {"岁", "好"} and value["岁"] in range(100) and value["好"] in ("是", "否")


class TestGrammar(ConstraintContract):
    component = "grammar"
    options = GrammarOptions(grammar='start: "(" start ")" | "我" | "你们"')
    examples: ClassVar[Sequence[str]] = ["我", "((你们))"]
    counterexamples: ClassVar[Sequence[str]] = ["", "(我", "我)", "(们)"]

    def matches(self, text: str) -> bool:
        depth = len(text) - len(text.lstrip("("))
        return text[depth : len(text) - depth] in ("我", "你们") and text.endswith(")" * depth)


@pytest.mark.parametrize("kind", DECODING)
def test_the_kit_runs_on_every_builtin(kind: str) -> None:
    """Here or beside the tests of the component, a class of the kind's kit names it."""
    named = {name for of_kind, name in _components_in_tests() if of_kind == kind}
    builtin = {offer.component.name for offer in PluginManager.discover().offers(kind) if offer.package == "zaoju"}
    assert builtin - named == set()


def _components_in_tests() -> Iterator[tuple[str, str]]:
    """Kind and name of each component that a class in the tests names; a base that is no kit is a transform's."""
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        for block in re.split(r"^class ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            base = re.match(r"\w+\((\w+)Contract\)", block)
            component = re.search(r'^    component\b.*? = "(\w+)"', block, flags=re.MULTILINE)
            if base and component:
                kind = base[1].lower()
                yield kind if kind in DECODING else "transform", component[1]
