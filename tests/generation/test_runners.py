"""Runners: the logits of every row equal a plain forward pass over that row alone, whatever company it was in."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from support.small_models import small_gpt2, small_llama
from zaoju import ArtefactError
from zaoju.contracts import Runner
from zaoju.generation import LeanRunner, TransformersRunner, runner_over
from zaoju.models import CausalLM, TransformersLM

VOCABULARY = 90
CONTEXT = 24


def lean() -> tuple[Runner, CausalLM]:
    model = small_gpt2(VOCABULARY, CONTEXT)
    return LeanRunner(model), model


def through_transformers(folder: Path) -> tuple[Runner, CausalLM]:
    """The very same GPT-2, read by transformers."""
    model = small_gpt2(VOCABULARY, CONTEXT)
    model.save(folder)
    return TransformersRunner(TransformersLM.from_folder(folder).eval()), model


def llama() -> tuple[Runner, CausalLM]:
    model = small_llama(VOCABULARY, CONTEXT)
    return runner_over(model), model


@pytest.fixture(params=["lean", "transformers", "llama"])
def runner_and_model(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Runner, CausalLM]:
    makers: dict[str, Callable[[], tuple[Runner, CausalLM]]] = {
        "lean": lean,
        "transformers": lambda: through_transformers(tmp_path),
        "llama": llama,
    }
    return makers[request.param]()


def next_logits(model: CausalLM, tokens: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model(torch.tensor([tokens]))[0, -1]
        return logits


def assert_right(logits: torch.Tensor, model: CausalLM, texts: list[list[int]]) -> None:
    assert logits.dtype == torch.float32 and logits.shape == (len(texts), VOCABULARY)
    expected = torch.stack([next_logits(model, text) for text in texts])
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_rows_join_leave_fork_and_step_in_any_company(runner_and_model: tuple[Runner, CausalLM]) -> None:
    runner, model = runner_and_model
    draw = random.Random(3)
    texts: dict[int, list[int]] = {}
    for _ in range(90):
        able = [row for row in texts if len(texts[row]) < CONTEXT]
        action = draw.choice(["join", "step", "step", "extend", "rewind", "fork", "drop"])
        if action == "join" and len(texts) < 8:
            prompts = [
                [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, 9))] for _ in range(draw.randint(1, 3))
            ]
            rows, logits = runner.prefill(prompts)
            texts.update(zip(rows, map(list, prompts), strict=True))
            assert_right(logits, model, prompts)
        elif action == "step" and able:
            rows = draw.sample(able, draw.randint(1, len(able)))
            tokens = [draw.randrange(VOCABULARY) for _ in rows]
            logits = runner.step(rows, tokens)
            for row, token in zip(rows, tokens, strict=True):
                texts[row].append(token)
            assert_right(logits, model, [texts[row] for row in rows])
        elif action == "extend" and able:
            rows = draw.sample(able, draw.randint(1, len(able)))
            rooms = [CONTEXT - len(texts[row]) for row in rows]
            new = [[draw.randrange(VOCABULARY) for _ in range(draw.randint(1, min(4, room)))] for room in rooms]
            for row, tokens, logits in zip(rows, new, runner.extend(rows, new), strict=True):
                before = texts[row]
                texts[row] = before + tokens
                assert_right(logits, model, [before + tokens[: count + 1] for count in range(len(tokens))])
        elif action == "rewind" and texts:
            rows = draw.sample(list(texts), draw.randint(1, len(texts)))
            counts = [draw.randint(0, min(4, len(texts[row]) - 1)) for row in rows]
            runner.rewind(rows, counts)
            for row, count in zip(rows, counts, strict=True):
                texts[row] = texts[row][: len(texts[row]) - count]
        elif action == "fork" and texts and len(texts) < 8:
            row = draw.choice(list(texts))
            texts[runner.fork(row)] = list(texts[row])
        elif action == "drop" and len(texts) > 2:
            rows = draw.sample(list(texts), 2)
            runner.drop(rows)
            for row in rows:
                del texts[row]
    assert max(map(len, texts.values())) > 10
    runner.drop(list(texts))


def test_the_last_hidden_states_are_those_that_the_logits_come_from(
    runner_and_model: tuple[Runner, CausalLM],
) -> None:
    runner, model = runner_and_model
    prompts = [[5, 6, 7], [9, 8, 7, 6, 5], [1]]
    rows, _ = runner.prefill(prompts, keep_hidden=True)
    [plain], _ = runner.prefill([[5, 6, 7]])
    runner.step([*rows, plain], [11, 12, 13, 11])
    runner.extend(rows[:2], [[3, 4], [2]])
    runner.rewind(rows[:1], [1])
    copy = runner.fork(rows[0])
    runner.step([copy], [40])
    texts = {rows[0]: [5, 6, 7, 11, 3], rows[1]: [9, 8, 7, 6, 5, 12, 2], rows[2]: [1, 13], copy: [5, 6, 7, 11, 3, 40]}
    embeddings = {
        name: weight for name, weight in model.named_parameters() if name.endswith(("wte.weight", "lm_head.weight"))
    }
    head = list(embeddings.values())[-1]
    for row, tokens in texts.items():
        with torch.no_grad():
            expected = model(torch.tensor([tokens]))[0]
            given = runner.hidden(row) @ head.T
        assert runner.hidden(row).shape == (len(tokens), model.width)
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)
    runner.drop([*texts, plain])


def test_a_row_can_be_filled_to_the_context(runner_and_model: tuple[Runner, CausalLM]) -> None:
    runner, model = runner_and_model
    tokens = [number % VOCABULARY for number in range(CONTEXT)]
    rows, logits = runner.prefill([tokens, tokens[:-1]])
    assert_right(logits, model, [tokens, tokens[:-1]])
    assert_right(runner.step(rows[1:], tokens[-1:]), model, [tokens])


def test_score(runner_and_model: tuple[Runner, CausalLM], monkeypatch: pytest.MonkeyPatch) -> None:
    runner, model = runner_and_model
    monkeypatch.setattr("zaoju.generation.batching.LOGITS_PER_PASS", 30 * VOCABULARY)
    draw = random.Random(5)
    lengths = [2, 17, 5, CONTEXT + 1, 9, 2, CONTEXT + 1]
    sequences = [[draw.randrange(VOCABULARY) for _ in range(length)] for length in lengths]
    for sequence, score in zip(sequences, runner.score(sequences), strict=True):
        with torch.no_grad():
            whole = model(torch.tensor([sequence[:-1]]))[0].log_softmax(-1)
        expected = whole.gather(1, torch.tensor(sequence[1:])[:, None])[:, 0]
        torch.testing.assert_close(score, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tokens_at_once", [1, 7, 30])
def test_a_long_prompt_is_read_in_parts(monkeypatch: pytest.MonkeyPatch, tokens_at_once: int) -> None:
    monkeypatch.setattr("zaoju.generation.lean_runner.LOGITS_PER_PASS", tokens_at_once * VOCABULARY)
    runner, model = lean()
    prompts = [[number % VOCABULARY for number in range(length)] for length in (3, 20, 1, 11)]
    _, logits = runner.prefill(prompts)
    assert_right(logits, model, prompts)


def test_the_lean_runner_refuses_other_architectures(tmp_path: Path) -> None:
    model = TransformersLM.from_numbers("gpt_neox", {"hidden_size": 64, "num_hidden_layers": 1, "vocab_size": 50})
    model.save(tmp_path)
    with pytest.raises(ArtefactError, match="GPT-2 and Llama families, and this is gpt_neox"):
        LeanRunner.open(tmp_path, device="cpu")


def test_open(tmp_path: Path) -> None:
    small_gpt2(VOCABULARY, CONTEXT).save(tmp_path)
    for kind in (LeanRunner, TransformersRunner):
        _, logits = kind.open(tmp_path, device="cpu").prefill([[1, 2, 3]])
        assert_right(logits, small_gpt2(VOCABULARY, CONTEXT), [[1, 2, 3]])


def test_a_prompt_that_fails_leaves_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = TransformersRunner(small_llama(VOCABULARY, CONTEXT))
    forward = runner._forward

    def fail_on_the_second(*arguments: object) -> torch.Tensor:
        if runner._groups:
            raise MemoryError
        return forward(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("zaoju.generation.transformers_runner.LOGITS_PER_PASS", 4)
    monkeypatch.setattr(runner, "_forward", fail_on_the_second)
    with pytest.raises(MemoryError):
        runner.prefill([[1, 2, 3], [1, 2, 3, 4]])
    assert runner._groups == {}
