"""Prompts that begin alike are read once, and every logit is as if they were not."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch

from support.small_models import small_gpt2
from zaoju import Engine, Request
from zaoju.errors import CacheFullError
from zaoju.generation import LeanRunner, SharedPrefixes
from zaoju.generation.shared_prefixes import KEPT_ROWS
from zaoju.plugins import PluginManager
from zaoju.testing import HashRunner
from zaoju.tokenization import Tokenizer

VOCABULARY, CONTEXT = 60, 200


def prefix(length: int, seed: int = 0) -> list[int]:
    draw = random.Random(seed)
    return [draw.randrange(VOCABULARY) for _ in range(length)]


def expected(texts: Sequence[Sequence[int]]) -> torch.Tensor:
    return HashRunner(VOCABULARY, CONTEXT).prefill(texts)[1]


@pytest.fixture
def inner() -> HashRunner:
    return HashRunner(VOCABULARY, CONTEXT)


@pytest.fixture
def shared(inner: HashRunner) -> SharedPrefixes:
    return SharedPrefixes(inner)


class TestWhatIsRead:
    def test_a_living_row_is_gone_on_from(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        few_shot = prefix(100)
        shared.prefill([[*few_shot, 1, 2]])
        read = inner.tokens_read
        assert shared.known([*few_shot, 3, 4, 5]) == 100
        [row], logits = shared.prefill([[*few_shot, 3, 4, 5]])
        assert inner.tokens_read - read == 3
        assert torch.equal(logits, expected([[*few_shot, 3, 4, 5]]))
        assert torch.equal(shared.step([row], [9]), expected([[*few_shot, 3, 4, 5, 9]]))

    def test_a_row_that_wrote_on_is_gone_on_from_where_its_prompt_ended(
        self, inner: HashRunner, shared: SharedPrefixes
    ) -> None:
        [row], _ = shared.prefill([prefix(50)])
        for token in (1, 2, 3):
            shared.step([row], [token])
        read = inner.tokens_read
        _, logits = shared.prefill([[*prefix(50), 7]])
        assert inner.tokens_read - read == 1
        assert torch.equal(logits, expected([[*prefix(50), 7]]))

    def test_a_dropped_row_is_kept_at_its_prompt(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        [row], _ = shared.prefill([prefix(50)])
        shared.step([row], [3])
        shared.drop([row])
        assert inner.rows == {row: prefix(50)}
        read = inner.tokens_read
        assert torch.equal(shared.prefill([prefix(50)])[1], expected([prefix(50)]))
        assert inner.tokens_read - read == 1

    def test_equal_prompts_of_one_call(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        prompts = [[*prefix(80), 1], [5, 6], [*prefix(80), 2], [*prefix(80), 1], prefix(30, seed=1)]
        rows, logits = shared.prefill(prompts)
        assert torch.equal(logits, expected(prompts)) and len(set(rows)) == 5
        assert [inner.rows[row] for row in rows] == prompts
        assert inner.tokens_read == 81 + 2 + 1 + 1 + 30

    def test_short_beginnings_are_read_again(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        shared.prefill([[*prefix(15), 1]])
        assert shared.known([*prefix(15), 2]) == 0

    def test_hidden_states_are_never_shared(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        [row], _ = shared.prefill([prefix(50)], keep_hidden=True)
        assert shared.hidden(row).shape[0] == 50 and shared.known(prefix(50)) == 0
        shared.drop([row])
        assert inner.rows == {}


class TestBounds:
    def test_only_the_last_used_rows_are_kept(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        for seed in range(KEPT_ROWS + 3):
            rows, _ = shared.prefill([prefix(40, seed)])
            shared.drop(rows)
        assert len(inner.rows) == KEPT_ROWS
        assert [shared.known(prefix(40, seed)) for seed in range(KEPT_ROWS + 3)] == [0] * 3 + [39] * KEPT_ROWS

    def test_what_is_used_stays(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        for seed in (0, *range(1, 9)):
            rows, _ = shared.prefill([prefix(40, seed)])
            shared.drop(rows)
            shared.drop(shared.prefill([[*prefix(40, 0), seed]])[0])
        assert shared.known([*prefix(40, 0), 59]) == 40

    def test_kept_rows_make_room_where_memory_is_short(self) -> None:
        model = small_gpt2(VOCABULARY, CONTEXT)
        token = model.new_cache().row_bytes(1)
        runner = LeanRunner(model, most_bytes=3 * 42 * token)
        shared = SharedPrefixes(runner)
        rows, _ = shared.prefill([prefix(40, seed) for seed in range(3)])
        shared.drop(rows)
        assert len(runner._cache.lengths) == 3
        rows, _ = shared.prefill([prefix(40, seed) for seed in range(3, 6)])
        assert sorted(runner._cache.lengths) == sorted(rows)
        with pytest.raises(CacheFullError):
            shared.prefill([[1, 2]])
        assert sorted(runner._cache.lengths) == sorted(rows)
        shared.drop(rows)
        shared.prefill([[*prefix(40, 3), 1], [5], [6]])  # goes on from a kept row, the other two make room

    def test_a_failure_leaves_nothing_behind(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        with pytest.raises(ValueError, match="cannot begin with 230 tokens: 1 to 200 are possible"):
            shared.prefill([prefix(30), [*prefix(30), *prefix(CONTEXT)]])
        assert inner.rows == {}

    def test_a_kept_row_is_not_the_callers(self, shared: SharedPrefixes) -> None:
        [row], _ = shared.prefill([prefix(40)])
        shared.drop([row])
        for use in (lambda: shared.step([row], [1]), lambda: shared.fork(row), lambda: shared.append([row], [[1]])):
            with pytest.raises(ValueError, match=f"row {row} does not live"):
                use()

    def test_a_runner_without_the_abilities(self) -> None:
        class Plain(HashRunner):
            abilities = frozenset()

        with pytest.raises(ValueError, match="`append` and `rewind`"):
            SharedPrefixes(Plain(5, 5))


class TestScores:
    def test_a_prefix_is_read_once(self, inner: HashRunner, shared: SharedPrefixes) -> None:
        few_shot = prefix(120)
        sequences = [[*few_shot, *prefix(1 + number % 4, number)] for number in range(20)]
        odd = [prefix(30, 1), prefix(12, 0), [3, 4], [*few_shot, 9, 9]]
        scores = shared.score([*sequences, *odd])
        for given, wanted in zip(scores, HashRunner(VOCABULARY, CONTEXT).score([*sequences, *odd]), strict=True):
            torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)
        assert inner.rows == {}
        # Sequences that are scored whole are not counted as read; those that share are.
        assert 120 <= inner.tokens_read < 120 + 21 * 5

    @pytest.mark.parametrize("seed", range(20))
    def test_any_sequences(self, shared: SharedPrefixes, inner: HashRunner, seed: int) -> None:
        draw = random.Random(seed)
        sequences = [
            [*prefix(draw.choice([0, 1, 15, 16, 17, 40, 80]), draw.randrange(2)), *prefix(draw.randint(2, 9), seed)]
            for _ in range(draw.randint(1, 12))
        ]
        sequences += [list(draw.choice(sequences)) for _ in range(2)]
        for given, wanted in zip(shared.score(sequences), inner.score(sequences), strict=True):
            torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)
        assert inner.rows == {}

    def test_whole_contexts(self, shared: SharedPrefixes, inner: HashRunner) -> None:
        sequences = [[*prefix(CONTEXT), 1], [*prefix(CONTEXT), 2], prefix(CONTEXT)]
        for given, wanted in zip(shared.score(sequences), inner.score(sequences), strict=True):
            torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)

    def test_a_real_model(self) -> None:
        runner = LeanRunner(small_gpt2(VOCABULARY, CONTEXT))
        sequences = [[*prefix(100), *prefix(5, seed)] for seed in range(9)]
        for given, wanted in zip(SharedPrefixes(runner).score(sequences), runner.score(sequences), strict=True):
            torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(30))
def test_random_operations(seed: int) -> None:
    """Against the tokens of every row: sharing is never seen from outside."""
    draw = random.Random(seed)
    inner = HashRunner(VOCABULARY, CONTEXT)
    shared = SharedPrefixes(inner, kept_rows=draw.choice([0, 1, 4]))
    texts: dict[int, list[int]] = {}
    for _ in range(60):
        some = draw.sample(sorted(texts), draw.randint(0, min(3, len(texts))))
        operation = draw.choice(["prefill", "prefill", "step", "append", "extend", "rewind", "fork", "drop"])
        if operation == "prefill":
            prompts = [[*prefix(draw.choice([0, 20, 40]), draw.randrange(3)), *prefix(2, draw.randrange(4))]] * 2
            rows, logits = shared.prefill(prompts[: draw.randint(1, 2)])
            assert not {*rows} & {*texts}
            texts |= dict(zip(rows, map(list, prompts), strict=False))
            assert torch.equal(logits, expected([texts[row] for row in rows]))
            continue
        some = [row for row in some if 8 < len(texts[row]) < CONTEXT - 9] if operation != "drop" else some
        if not some:
            continue
        new = [prefix(draw.randint(1, 3), draw.randrange(9)) for _ in some]
        if operation == "step":
            logits, new = shared.step(some, [one[0] for one in new]), [one[:1] for one in new]
        elif operation == "append":
            logits = shared.append(some, new)
        elif operation == "extend":
            logits = torch.stack([one[-1] for one in shared.extend(some, new)])
        if operation in ("step", "append", "extend"):
            for row, one in zip(some, new, strict=True):
                texts[row] += one
            assert torch.equal(logits, expected([texts[row] for row in some]))
        elif operation == "rewind":
            counts = [draw.randint(0, 7) for _ in some]
            shared.rewind(some, counts)
            for row, count in zip(some, counts, strict=True):
                texts[row] = texts[row][: len(texts[row]) - count]
        elif operation == "fork":
            texts[shared.fork(some[0])] = list(texts[some[0]])
        else:
            shared.drop(some)
            texts = {row: text for row, text in texts.items() if row not in some}
        assert {row: inner.rows[row] for row in texts} == texts
    shared.drop(list(texts))
    assert len(inner.rows) <= 4


def test_texts_are_the_same_with_and_without(tokenizer: Tokenizer, plugins: PluginManager) -> None:
    requests = [
        Request(f"春天来了，花儿开了，小鸟在树上唱歌。{number % 3}", strategy="nucleus", seed=number, max_new_tokens=9)
        for number in range(12)
    ]
    plain = HashRunner(tokenizer.vocabulary_size, 128)
    shared = HashRunner(tokenizer.vocabulary_size, 128)
    alone = Engine(plain, tokenizer, plugins).generate_batch(requests, batch_size=4)
    assert Engine(SharedPrefixes(shared), tokenizer, plugins).generate_batch(requests, batch_size=4) == alone
    assert shared.tokens_read < plain.tokens_read / 2
