"""The logits of every row equal a plain pass over that row alone, whatever company it was in; memory comes back."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import llama_cpp  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju.errors import CacheFullError  # noqa: E402
from zaoju.models import CausalLM  # noqa: E402

ROWS = 12
Case = tuple[LlamaCppRunner, CausalLM, float]


@pytest.fixture(params=["gpt2", "llama", "qwen3"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """A runner, its model in torch, and how far the logits may be apart.

    llama.cpp looks GELU up in a table of 16 bits, so a GPT-2's are further off; the others differ by rounding only.
    """
    makers: dict[str, tuple[Callable[[], CausalLM], float]] = {
        "gpt2": (support.gpt2, 3e-3),
        "llama": (support.transformers_model, 1e-4),
        "qwen3": (lambda: support.transformers_model("qwen3", head_dim=32), 1e-4),
    }
    make, tolerance = makers[request.param]
    model = make()
    folder = support.saved(model, tmp_path)
    return LlamaCppRunner.open(folder, options=LlamaCppOptions(rows=ROWS)), model, tolerance


def assert_right(case: Case, logits: torch.Tensor, texts: list[list[int]]) -> None:
    runner, model, tolerance = case
    assert logits.dtype == torch.float32 and logits.shape == (len(texts), runner.vocabulary_size)
    expected = torch.stack([support.next_logits(model, text) for text in texts])
    torch.testing.assert_close(logits, expected, rtol=0, atol=tolerance)


def assert_empty(runner: LlamaCppRunner) -> None:
    """No row lives, and llama.cpp's own memory holds no token of any sequence."""
    assert runner._rows == {} and sorted(runner._free) == list(range(runner._context.rows))
    assert {runner._context.length(sequence) for sequence in range(runner._context.rows)} == {0}


def test_rows_join_leave_fork_and_go_on_in_any_company(case: Case) -> None:
    runner, vocabulary = case[0], case[0].vocabulary_size
    draw = random.Random(3)
    texts: dict[int, list[int]] = {}

    def some(able: list[int], most: int) -> tuple[list[int], list[list[int]]]:
        rows = draw.sample(able, draw.randint(1, len(able)))
        rooms = [min(most, support.CONTEXT - len(texts[row])) for row in rows]
        return rows, [[draw.randrange(vocabulary) for _ in range(draw.randint(1, room))] for room in rooms]

    for _ in range(120):
        able = [row for row in texts if len(texts[row]) < support.CONTEXT]
        action = draw.choice(["join", "step", "step", "append", "extend", "rewind", "fork", "drop"])
        if action == "join" and len(texts) < 8:
            prompts = [[draw.randrange(vocabulary) for _ in range(draw.randint(1, 20))] for _ in range(3)]
            rows, logits = runner.prefill(prompts)
            texts.update(zip(rows, map(list, prompts), strict=True))
            assert_right(case, logits, prompts)
        elif action in ("step", "append") and able:
            rows, new = some(able, 1 if action == "step" else 5)
            logits = runner.step(rows, [one for [one] in new]) if action == "step" else runner.append(rows, new)
            for row, tokens in zip(rows, new, strict=True):
                texts[row] += tokens
            assert_right(case, logits, [texts[row] for row in rows])
        elif action == "extend" and able:
            rows, new = some(able, 5)
            for row, tokens, logits in zip(rows, new, runner.extend(rows, new), strict=True):
                before = texts[row]
                texts[row] = before + tokens
                assert_right(case, logits, [before + tokens[: count + 1] for count in range(len(tokens))])
        elif action == "rewind" and texts:
            rows = draw.sample(list(texts), draw.randint(1, len(texts)))
            counts = [draw.randint(0, min(6, len(texts[row]) - 1)) for row in rows]
            runner.rewind(rows, counts)
            for row, number in zip(rows, counts, strict=True):
                texts[row] = texts[row][: len(texts[row]) - number]
        elif action == "fork" and texts and len(texts) < ROWS:
            row = draw.choice(list(texts))
            texts[runner.fork(row)] = list(texts[row])
        elif action == "drop" and len(texts) > 2:
            rows = draw.sample(list(texts), 2)
            runner.drop(rows)
            for row in rows:
                del texts[row]
    assert max(map(len, texts.values())) > 15
    runner.drop(list(texts))
    assert_empty(runner)


def test_the_hidden_states_are_those_that_the_logits_come_from(case: Case) -> None:
    runner, model, tolerance = case
    prompts = [[5, 6, 7], [9, 8, 7, 6, 5], [1]]
    rows, logits = runner.prefill(prompts, keep_hidden=True)
    [plain], _ = runner.prefill([[5, 6, 7]])
    assert_right(case, logits, prompts)
    assert_right(case, runner.step([*rows, plain], [11, 12, 13, 11])[3:], [[5, 6, 7, 11]])
    runner.extend(rows[:2], [[3, 4], [2]])
    runner.rewind(rows[:1], [1])
    copy = runner.fork(rows[0])
    assert_right(case, runner.append([copy, plain], [[40, 41], [3]]), [[5, 6, 7, 11, 3, 40, 41], [5, 6, 7, 11, 3]])
    texts = {rows[0]: [5, 6, 7, 11, 3], rows[1]: [9, 8, 7, 6, 5, 12, 2], rows[2]: [1, 13]}
    texts[copy] = [5, 6, 7, 11, 3, 40, 41]
    head = [weight for name, weight in model.named_parameters() if name.endswith(("wte.weight", "lm_head.weight"))][-1]
    for row, tokens in texts.items():
        assert runner.hidden(row).shape == (len(tokens), model.width)
        with torch.no_grad():
            expected = model(torch.tensor([tokens]))[0]
            torch.testing.assert_close(runner.hidden(row) @ head.T, expected, rtol=0, atol=tolerance)
    with pytest.raises(ValueError, match="keep_hidden"):
        runner.hidden(plain)
    runner.drop([*texts, plain])
    assert_empty(runner)


def test_score(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long sequences are read in pieces, short ones together, and no row stays."""
    runner, model, tolerance = case
    monkeypatch.setattr("zaoju_llamacpp.runner.TOKENS_PER_PASS", 20)
    draw = random.Random(5)
    lengths = [2, 17, 5, support.CONTEXT + 1, 9, 2, 21, 22, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    sequences = [[draw.randrange(runner.vocabulary_size) for _ in range(length)] for length in lengths]
    rows, _ = runner.prefill([[1]] * (ROWS - 3))
    for sequence, score in zip(sequences, runner.score(sequences), strict=True):
        with torch.no_grad():
            whole = model(torch.tensor([sequence[:-1]]))[0].log_softmax(-1)
        expected = whole.gather(1, torch.tensor(sequence[1:])[:, None])[:, 0]
        torch.testing.assert_close(score, expected, rtol=0, atol=2 * tolerance)
    runner.drop(rows)
    assert_empty(runner)


def test_a_row_can_be_filled_to_the_context_and_no_further(case: Case) -> None:
    runner = case[0]
    assert runner.context_length == support.CONTEXT
    tokens = [number % runner.vocabulary_size for number in range(support.CONTEXT)]
    rows, logits = runner.prefill([tokens, tokens[:-1]])
    assert_right(case, logits, [tokens, tokens[:-1]])
    with pytest.raises(ValueError, match="65 tokens, and the context is 64"):
        runner.step(rows[:1], [1])
    assert_right(case, runner.step(rows[1:], tokens[-1:]), [tokens])


def test_used_up_cells_are_refused_and_every_row_goes_on(case: Case, tmp_path: Path) -> None:
    """256 cells: four rows of 60 tokens leave room for 16."""
    _, model, tolerance = case
    runner = LlamaCppRunner.open(tmp_path, options=LlamaCppOptions(rows=ROWS, context=256))
    small: Case = (runner, model, tolerance)
    assert runner.most_rows(60) == 4 and runner.most_rows(1) == ROWS
    prompts = [[(place * row) % 50 for place in range(60)] for row in range(1, 5)]
    rows, _ = runner.prefill(prompts)
    for too_many in ([[1] * 17], [[1] * 60] * 5, [[1] * 9, [2] * 9]):
        with pytest.raises(CacheFullError, match=r"256 cells .* runner\.context"):
            runner.prefill(too_many)
    copies = [runner.fork(row) for row in rows]  # which take no cells
    with pytest.raises(CacheFullError, match="256 cells"):
        runner.append([*rows, *copies], [[1, 2, 3]] * 8)
    assert_right(small, runner.append([*rows, *copies], [[1, 2]] * 8), [[*prompt, 1, 2] for prompt in prompts * 2])
    with pytest.raises(CacheFullError, match="256 cells"):
        runner.step(rows, [3] * 4)
    with pytest.raises(CacheFullError, match="256 cells"):
        runner.extend(rows[:1], [[3]])
    runner.drop(copies)
    assert_right(small, runner.step(rows, [3] * 4), [[*prompt, 1, 2, 3] for prompt in prompts])
    runner.drop(rows)
    assert_empty(runner)
    runner.drop(runner.prefill([[1] * 64] * 4)[0])  # all 256 cells at once


def test_used_up_rows_are_refused_and_every_row_goes_on(case: Case) -> None:
    runner = case[0]
    rows, _ = runner.prefill([[number] for number in range(ROWS)])
    for refused in (lambda: runner.prefill([[1]]), lambda: runner.fork(rows[0]), lambda: runner.score([[1, 2]])):
        with pytest.raises(CacheFullError, match=r"13 rows at once, and the runner has 12: .* runner\.rows"):
            refused()
    assert_right(case, runner.step(rows, rows), [[number, row] for number, row in enumerate(rows)])
    runner.drop(rows)
    assert_empty(runner)


def test_a_pass_that_fails_leaves_every_row_as_it_was(case: Case) -> None:
    runner = case[0]
    rows, _ = runner.prefill([[1, 2], [3]])
    for wrong, words in (([[7, 10**6], [5]], "invalid token"), ([[5], [-1]], "failed to initialize batch")):
        with pytest.raises(RuntimeError, match=f"llama_decode failed with code -1: .*{words}"):
            runner.append(rows, wrong)
    with pytest.raises(RuntimeError, match="invalid token"):
        runner.prefill([[1, 10**6]])
    for twice in ([rows[0], rows[0]], [rows[0]], []):
        with pytest.raises(ValueError, match="stands once"):
            runner.step(twice, [1, 2])
    with pytest.raises(ValueError, match="at least one token"):
        runner.append(rows, [[1], []])
    assert_right(case, runner.append(rows, [[4], [5, 6]]), [[1, 2, 4], [3, 5, 6]])


def test_an_interrupted_pass_is_undone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C arrives when llama.cpp has computed, and before the runner has noted it."""
    runner = case[0]
    rows, _ = runner.prefill([[1, 2], [3]])
    with monkeypatch.context() as interrupting:
        interrupting.setattr(runner._context, "_copied", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            runner.append(rows, [[4], [5, 6]])
        with pytest.raises(KeyboardInterrupt):
            runner.prefill([[9, 9]])
    assert_right(case, runner.append(rows, [[7], [8, 9]]), [[1, 2, 7], [3, 8, 9]])
    runner.drop(rows)
    assert_empty(runner)


def test_handles_are_never_used_again(case: Case) -> None:
    runner = case[0]
    seen: set[int] = set()
    for _ in range(3):
        rows, _ = runner.prefill([[1], [2]])
        rows.append(runner.fork(rows[0]))
        assert seen.isdisjoint(rows)
        seen |= set(rows)
        runner.drop(rows)


def test_the_memory_goes_with_the_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp frees the context, and after it the weights, once nothing refers to the runner."""
    freed: list[str] = []

    def noting(name: str) -> Callable[[int], None]:
        free = getattr(llama_cpp, name)

        def note(handle: int) -> None:
            freed.append(name)
            free(handle)

        return note

    for name in ("llama_free", "llama_model_free"):
        monkeypatch.setattr(llama_cpp, name, noting(name))
    runner = LlamaCppRunner.open(support.saved(support.gpt2(), tmp_path))
    gc.collect()
    freed.clear()  # those of other tests
    del runner
    gc.collect()
    assert freed == ["llama_free", "llama_model_free"]


def test_logits_are_not_written_over_by_the_next_pass(case: Case) -> None:
    runner = case[0]
    [row], first = runner.prefill([[1, 2]])
    kept = first.clone()
    runner.step([row], [5])
    assert torch.equal(first, kept)
