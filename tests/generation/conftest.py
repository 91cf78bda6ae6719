"""A real tokenizer, small models, and a runner whose logits are a pure function of a row's tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from support.small_models import small_gpt2
from zaoju.generation import Engine, LeanRunner
from zaoju.models import GPT2
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer, unigram_tokenizer
from zaoju.tokenization.parts import with_end_of_text

CHARACTERS = (
    "我想你他在有人这中大来上国个到说们为子和地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small only lose by waiting for one another's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Characters and a few words; every other character is two to four tokens of one byte."""
    words = [*CHARACTERS, "我想", "我们", "自己", "。", "，", "再见"]
    return Tokenizer(with_end_of_text(unigram_tokenizer(dict.fromkeys(words, -5.0)), None))


@pytest.fixture(scope="session")
def plugins() -> PluginManager:
    return PluginManager.discover(environment={})


@pytest.fixture(scope="session")
def model(tokenizer: Tokenizer) -> GPT2:
    return small_gpt2(tokenizer.vocabulary_size)


@pytest.fixture
def engine(model: GPT2, tokenizer: Tokenizer, plugins: PluginManager) -> Engine:
    return Engine(LeanRunner(model), tokenizer, plugins)


@pytest.fixture
def hash_engine(tokenizer: Tokenizer, plugins: PluginManager) -> Engine:
    """Equal logits whatever the batch: what differs here is the decoder's fault."""
    return Engine(HashRunner(tokenizer.vocabulary_size, 40), tokenizer, plugins)
