"""The sections of `config.yaml`, their keys and their defaults.

The text under each key is its description in `zaoju config schema` and in `docs/config.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_serializer, model_validator
from pydantic_core import PydanticCustomError

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Switch = Annotated[bool, Strict()]
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Strict(), Field(ge=0, lt=2**63)]


def _not_empty(path: object) -> object:
    if path == "":
        raise ValueError("must be a path, and is empty")
    return path


Folder = Annotated[Path, BeforeValidator(_not_empty)]


class Section(BaseModel):
    """A part of the config: unknown keys are refused, and an instance never changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Choice(BaseModel):
    """A component and its options: `jieba`, or `{name: jieba, hmm: false}`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Text

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: object) -> object:
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Choice):
            return given
        if not isinstance(given, Mapping) or "name" not in given:
            raise PydanticCustomError("choice", "must be a name, or a mapping {name: NAME, ...its options}")
        return given

    @model_serializer
    def _write(self) -> str | dict[str, object]:
        return {"name": self.name, **self.options} if self.options else self.name

    @property
    def options(self) -> Mapping[str, object]:
        """The options as written; the component's own model has not seen them yet."""
        return self.__pydantic_extra__ or {}


class Plugins(Section):
    """Which plugins may be used."""

    block: tuple[Text, ...] = ()
    """Packages, plugins or components (`segmenter/jieba`) that are not loaded."""
    only: tuple[Text, ...] = ()
    """Where given, nothing else is loaded beside the builtins."""
    prefer: dict[str, Text] = {}
    """For a component that two packages offer, the package to take: `segmenter/jieba: some-package`."""


class NearDuplicates(Section):
    """When two documents count as almost the same."""

    threshold: Annotated[Number, Field(ge=0.5, le=1)] = 0.8
    """How alike two documents are, from 0 to 1, of which only the longer one stays: the share of n-grams in common."""
    ngram: Annotated[Whole, Field(ge=1, le=100)] = 5
    """Characters in an n-gram; with fewer, short texts are compared better, and long ones look more alike."""


class Corpus(Section):
    """Where the text comes from and what is kept of it."""

    readers: Annotated[tuple[Choice, ...], Field(min_length=1)] = (Choice(name="stories"),)
    """The sources of text, read one after the other."""
    cleaners: tuple[Choice, ...] = (Choice(name="basic"),)
    """Rules that change or drop documents, applied in this order."""
    workers: Annotated[Whole, Field(ge=0)] = 0
    """How many parts of the corpus are read and cleaned at once; 0 means one for each core. The result is the same."""
    executor: Choice = Choice(name="processes")
    """Where they are read and cleaned."""
    duplicates: Literal["drop", "keep"] = "drop"
    """`drop` or `keep` a document with the very text of an earlier one."""
    near_duplicates: NearDuplicates | None = None
    """Drop documents that are almost the same as a longer one, such as `{threshold: 0.8}`; empty keeps them."""
    held_out: Annotated[Number, Field(gt=0, le=0.5)] = 0.02
    """The share of the documents that is kept from training, to measure the model on; at most 0.5."""
    unreadable: Literal["stop", "skip"] = "stop"
    """What to do about a file that cannot be read: `stop`, or `skip` it and say so in the account."""
    minimum_kept: Annotated[Number, Field(ge=0, le=1)] = 0.5
    """The share of the characters that the cleaners must leave; a run that would drop more stops and says why."""


class Tokenization(Section):
    """How text becomes tokens."""

    segmenter: Choice = Choice(name="jieba")
    """Cuts text into words."""
    vocabulary: Choice = Choice.model_validate({"name": "words", "size": 8000})
    """Builds the vocabulary from the segmented text."""
    live: Switch = False
    """Keep the segmenter in the tokenizer: exact, but the model then needs zaoju to run."""
    workers: Annotated[Whole, Field(ge=0)] = 0
    """Processes that segment; 0 means one for each core."""


class Model(Section):
    """Which model is trained."""

    architecture: Text = "gpt2"
    """A model type of transformers."""
    size: Text = "tiny"
    """A size by name, such as `nano`, `tiny`, `small` or `gpt2` (124 million parameters)."""
    numbers: dict[str, int | float | bool | str] = {}
    """Arguments of the architecture's configuration in transformers, which override the size: `{n_layer: 4}`."""
    context: Annotated[Whole, Field(ge=2)] | None = None
    """The longest text in tokens that the model sees at once; empty means what the size says."""
    init_from: Folder | None = None
    """A Hugging Face folder to train on from, instead of a new model."""


class Decoding(BaseModel):
    """How text is written. The options of its transforms and its search stand here too: `temperature`, `beams`, ..."""

    model_config = ConfigDict(extra="allow", frozen=True, validate_default=True, use_attribute_docstrings=True)

    strategy: Text | None = None
    """A strategy, or one transform that is used as one; `nucleus` where neither this nor `chain` is given."""
    chain: tuple[Text, ...] | None = None
    """Instead of a strategy: transforms, in the order in which they are applied."""
    selector: Text | None = None
    """With `chain`: how a token is chosen; `sample` where it is not given."""
    search: Text | None = None
    """With `chain`: keeps several texts at once to end with a better one."""
    proposer: Choice | None = None
    """Guesses at the next tokens, which the model checks in one pass: fewer passes, and the same text."""
    constraint: Choice | None = None
    """A form that the text must have, such as a regular expression or a JSON schema."""
    token_healing: Switch = True
    """Where a prompt ends inside a token, such as a word, go on with the whole token."""
    max_new_tokens: Annotated[Whole, Field(ge=1)] = 100
    """How many tokens a text may have beyond its prompt."""
    stop: tuple[Text, ...] = ()
    """Texts that end the writing; they are cut off."""
    seed: Seed | None = None
    """The seed of the random numbers of decoding; empty means that each request draws its own."""
    logprobs: Annotated[Whole, Field(ge=0, le=100)] | None = None
    """Report each token's log-probability and so many alternatives to it; empty reports none."""

    @model_validator(mode="after")
    def _agree(self) -> Decoding:
        if self.strategy is not None and self.chain is not None:
            raise ValueError("`strategy` and `chain` exclude each other; keep one of them")
        for key in ("selector", "search"):
            if getattr(self, key) is not None and self.chain is None:
                raise ValueError(f"`{key}` belongs to a `chain`; a strategy has its own")
        return self

    @property
    def options(self) -> Mapping[str, object]:
        """The flat options of the transforms and the search as written; no model of theirs has seen them yet."""
        return self.__pydantic_extra__ or {}


class Evaluation(Section):
    """What is measured and shown at the end of a run."""

    prompts: tuple[Text, ...] = ("我想",)
    """Openings that sample texts continue."""
    max_new_tokens: Annotated[Whole, Field(ge=1)] = 100
    """How many tokens a sample text may have beyond its prompt."""
    strategies: tuple[Text, ...] = ("greedy", "top_k", "nucleus")
    """Strategies whose texts are shown side by side."""
    samples: Annotated[Whole, Field(ge=0)] = 200
    """How many texts are written to compare with the source, where its grammar is known."""


class Config(Section):
    """One run of zaoju, from text to a model that writes."""

    run: Folder = Path("runs/demo")
    """The folder of the run: prepared text, tokenizer, checkpoints and the model."""
    seed: Seed = 1
    """The seed of everything random in the run."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute: `auto`, `cpu`, `cuda` or `mps`."""
    threads: Annotated[Whole, Field(ge=0, le=1024)] = 0
    """Threads that compute on a CPU; 0 means one for each core. Commands obey it, a program of yours sets its own."""
    plugins: Plugins = Plugins()
    corpus: Corpus = Corpus()
    tokenization: Tokenization = Tokenization()
    model: Model = Model()
    trainer: Choice = Choice(name="lean")
    """Makes the model."""
    trackers: tuple[Choice, ...] = ()
    """Programs that are told how the training goes, such as `tensorboard`; the model does not depend on them."""
    runner: Choice | None = None
    """Computes with the finished model; empty means what the model's folder asks for, else the fastest one."""
    decoding: Decoding = Decoding()
    evaluation: Evaluation = Evaluation()


CHOICES: Mapping[tuple[str, ...], str] = {
    ("corpus", "readers"): "reader",
    ("corpus", "cleaners"): "cleaner",
    ("corpus", "executor"): "executor",
    ("tokenization", "segmenter"): "segmenter",
    ("tokenization", "vocabulary"): "vocabulary",
    ("trainer",): "trainer",
    ("trackers",): "tracker",
    ("runner",): "runner",
}
"""The keys that choose components, and the kind of each."""
