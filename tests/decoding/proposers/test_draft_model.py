"""The proposer `draft_model`: what it guesses, what it reads, what it keeps, whom it refuses."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from counting_runner import CountingRunner

from support.small_vocabularies import pair_tokenizer, save_small_model, table_of, word_tokenizer
from zaoju import ArtefactError, DraftRequest, OpenModel, PluginManager, StepContext, Tokenizer, UserError
from zaoju.contracts import History
from zaoju.generation import open_model
from zaoju_builtin.decoding.proposers.draft_model import DraftModel
from zaoju_builtin.decoding.proposers.options import DraftModelOptions
from zaoju_builtin.decoding.selectors.sample import Sample
from zaoju_builtin.decoding.transforms.temperature import Temperature

OPEN = partial(open_model, device="cpu", plugins=PluginManager.discover(environment={}))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return word_tokenizer()


@pytest.fixture
def folder(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A draft's folder with a tokenizer alone; a test that wants a model puts it there."""
    tokenizer.save(tmp_path)
    return tmp_path


Opened = Callable[..., DraftModel]


@pytest.fixture
def opened(folder: Path, tokenizer: Tokenizer) -> Opened:
    """Opens a draft model that computes with the runner given."""

    def open_with(runner: CountingRunner, *, padding: int = 0, **options: float) -> DraftModel:
        proposer = DraftModel(DraftModelOptions.model_validate({"draft": folder, **options}))
        proposer.open(table_of(tokenizer, padding), lambda folder: OpenModel(runner, table_of(tokenizer)))
        return proposer

    return open_with


@pytest.fixture
def runner(tokenizer: Tokenizer) -> CountingRunner:
    return CountingRunner(tokenizer.vocabulary_size)


def uniform(text: int, place: int) -> float:
    return random.Random(1000 * text + place).random()


def request(text: int, tokens: Sequence[int], room: int = 100) -> DraftRequest:
    start = len(tokens)
    return DraftRequest(text, tokens, room, lambda ahead: uniform(text, start + ahead))


def chosen(logits: torch.Tensor, number: float, temperature: float) -> int:
    """What the engine's own components choose."""
    column = torch.tensor([number], dtype=torch.float64)
    context = StepContext(
        index=torch.zeros(1, dtype=torch.int64),
        history=History(torch.zeros(1, 0), torch.zeros(1, 0, dtype=torch.bool), torch.zeros(1)),
        vocabulary_size=len(logits),
        end_of_text=0,
        random=lambda stream: column,
    )
    scale = {"temperature": torch.tensor([temperature], dtype=torch.float64)}
    return int(Sample().select(Temperature().apply(logits[None], scale, context), context))


def continuation(runner: CountingRunner, text: int, tokens: list[int], count: int, temperature: float) -> list[int]:
    written = list(tokens)
    for _ in range(count):
        logits = runner.logits_after(written)
        written.append(chosen(logits, uniform(text, len(written)), temperature))
    return written[len(tokens) :]


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_guesses_are_what_the_draft_would_write_whatever_of_them_is_kept(
    opened: Opened, runner: CountingRunner, temperature: float
) -> None:
    proposer = opened(runner, temperature=temperature, max_tokens=3)
    choice = random.Random(1)
    texts = {number: [choice.randrange(runner.vocabulary_size) for _ in range(number + 1)] for number in range(6)}
    for _ in range(30):
        company = choice.sample(sorted(texts), choice.randint(1, len(texts)))
        drafts = proposer.propose([request(number, texts[number]) for number in company])
        for number, draft in zip(company, drafts, strict=True):
            count = min(3, max(0, runner.context_length + 1 - len(texts[number])))
            assert list(draft) == continuation(runner, number, texts[number], count, temperature)
            if choice.random() < 0.9:  # else the text stays as it is
                kept = choice.randint(0, len(draft))
                added = [choice.randrange(runner.vocabulary_size) for _ in range(choice.randint(1, 3))]
                texts[number] += [*draft[:kept], *added]
    for number in texts:
        proposer.forget(number)
    assert runner.rows == {}


def test_nothing_is_read_twice_and_all_texts_share_a_pass(opened: Opened, runner: CountingRunner) -> None:
    proposer = opened(runner, temperature=0, max_tokens=3)
    texts = [[number + 1] * 10 for number in range(4)]
    drafts = proposer.propose([request(number, text) for number, text in enumerate(texts)])
    assert (runner.read, runner.passes) == (4 * 10 + 4 * 2, 3)
    for text, draft in zip(texts, drafts, strict=True):
        text += [*draft, 5]
    proposer.propose([request(number, text) for number, text in enumerate(texts)])
    # Of the three guesses the first two had been read; the third and what came after it are new.
    assert (runner.read, runner.passes) == (48 + 4 * 2 + 4 * 2, 6)
    newcomers = [request(number, [7, 8]) for number in (10, 11)]
    proposer.propose([*newcomers, *(request(number, [*text, 6]) for number, text in enumerate(texts))])
    assert runner.passes == 6 + 4


def test_a_text_as_long_as_the_context_gets_no_guess_and_its_row_is_freed(opened: Opened, tokenizer: Tokenizer) -> None:
    runner = CountingRunner(tokenizer.vocabulary_size, context_length=8)
    proposer = opened(runner, max_tokens=4)
    lengths = []
    for length in range(3, 12):
        lengths.append(len(proposer.propose([request(0, [1] * length)])[0]))
        assert len(runner.rows) == (length <= 8)
    assert lengths == [4, 4, 4, 3, 2, 1, 0, 0, 0]


def test_a_text_of_one_token_may_ask_twice(opened: Opened, runner: CountingRunner) -> None:
    proposer = opened(runner)
    first = proposer.propose([request(0, [4])])
    assert proposer.propose([request(0, [4])]) == first
    assert len(runner.rows) == 1


def test_no_more_than_there_is_room_for(opened: Opened, runner: CountingRunner) -> None:
    proposer = opened(runner, max_tokens=4)
    rooms = [0, 1, 2, 4, 9]
    drafts = proposer.propose([request(number, [3, 4], room) for number, room in enumerate(rooms)])
    assert [len(draft) for draft in drafts] == [0, 1, 2, 4, 4]
    assert proposer.propose([]) == []
    proposer.forget(99)


def test_tokens_that_only_one_of_the_models_has(opened: Opened, tokenizer: Tokenizer) -> None:
    size = tokenizer.vocabulary_size
    narrow = CountingRunner(size)
    proposer = opened(narrow, padding=50)
    drafts = proposer.propose([request(0, [1, size + 3]), request(1, [1, 2])])
    assert drafts[0] == [] and len(drafts[1]) == 4
    wide = CountingRunner(size + 2000)
    for temperature in (0, 1):
        proposer = opened(wide, temperature=temperature)
        drafts = proposer.propose([request(number, [number + 1]) for number in range(20)])
        assert all(token < size for draft in drafts for token in draft)


def test_a_real_model_folder(tmp_path: Path, tokenizer: Tokenizer) -> None:
    model = save_small_model(tmp_path, tokenizer)
    proposer = DraftModel(DraftModelOptions(draft=tmp_path, temperature=0))
    proposer.open(table_of(tokenizer), OPEN)
    texts = {0: tokenizer.encode("我们想春天"), 1: tokenizer.encode("你")}
    for _ in range(4):
        drafts = proposer.propose([request(number, text) for number, text in texts.items()])
        for text, draft in zip(texts.values(), drafts, strict=True):
            written = list(text)
            with torch.no_grad():
                for _ in range(4):
                    written.append(int(model(torch.tensor([written]))[0, -1].argmax()))
            assert [*text, *draft] == written
            text += [*draft[:2], 9]


def test_a_draft_with_another_vocabulary_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    other = pair_tokenizer()
    save_small_model(tmp_path, other)
    proposer = DraftModel(DraftModelOptions(draft=tmp_path))
    with pytest.raises(UserError, match="another vocabulary") as caught:
        proposer.open(table_of(tokenizer), OPEN)
    for part in (str(tmp_path), tokenizer.fingerprint[:12], other.fingerprint[:12]):
        assert part in str(caught.value)


def test_a_draft_that_is_not_there_is_an_error(tmp_path: Path, tokenizer: Tokenizer) -> None:
    proposer = DraftModel(DraftModelOptions(draft=tmp_path / "nowhere"))
    with pytest.raises(ArtefactError, match="nowhere"):
        proposer.open(table_of(tokenizer), OPEN)


def test_a_runner_that_cannot_rewind_is_refused(opened: Opened, runner: CountingRunner) -> None:
    runner.abilities = frozenset()
    with pytest.raises(UserError, match="CountingRunner, which cannot take tokens back"):
        opened(runner)
