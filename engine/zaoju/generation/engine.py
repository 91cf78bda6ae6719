"""The engine: a model, its tokenizer and a set of plugins, ready to write."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Mapping, Sequence, Set
from functools import partial
from itertools import count
from pathlib import Path
from typing import Self

from zaoju.config import DecodingPlan, resolve_decoding
from zaoju.contracts import EventSink, Progress, Runner, Turn
from zaoju.errors import ArtefactError, UserError
from zaoju.generation.artefact import RunnerChoice, open_model, open_runner
from zaoju.generation.fixed_shapes import FixedShapes
from zaoju.generation.job import Job
from zaoju.generation.loop import DecodeLoop
from zaoju.generation.parts import DecodingParts, make_task
from zaoju.generation.results import Chunk, Generation, Request
from zaoju.generation.shared_prefixes import SharedPrefixes
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.task import Task
from zaoju.generation.token_healing import OpenEnd, open_end
from zaoju.generation.token_table import TokenizerTable
from zaoju.generation.uniforms import fresh_seed
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer

_WHOLE_PROMPT = "whole_prompt"
"""What a component needs that must be asked about every token, so that no prompt may end inside one."""


class Engine:
    """Continues prompts. Holds no global state, so engines with other models and plugins live side by side.

    Every method may be called from any thread. The model computes for one caller at a time; texts of several callers
    advance in turn, step by step.
    """

    def __init__(self, runner: Runner, tokenizer: Tokenizer, plugins: PluginManager, *, device: str = "auto") -> None:
        self.runner = runner
        self.tokenizer = tokenizer
        self.plugins = plugins
        self._shared = SharedRunner(runner)
        # Logits beyond the tokenizer are padding; tokens beyond the model are special ones that it never saw.
        self._table = TokenizerTable(tokenizer, min(runner.vocabulary_size, tokenizer.vocabulary_size))
        self._parts = DecodingParts(self._table, partial(open_model, device=device, plugins=plugins))
        self._numbers = count()
        self._check_known([tokenizer.end_of_text, *tokenizer.beginning])

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        device: str = "auto",
        plugins: PluginManager | None = None,
        runner: RunnerChoice | None = None,
        fixed_shapes: bool = False,
        share_prefixes: bool = True,
    ) -> Self:
        """Read a model folder: one that zaoju made, or any Hugging Face folder of a causal language model.

        `runner` names who computes the logits, alone or with options such as `{"name": "lean", "precision": "int8"}`;
        without it the folder's own choice stands, else the fastest one that can read the model. Prompts that begin
        alike are read once, unless `share_prefixes` is false. With `fixed_shapes` the model computes one token of one
        text at a time: slow, and the rounding of a text then never depends on its company or on drafts. Raises
        `ArtefactError` where the folder cannot be used, with what is missing.
        """
        path = Path(folder)
        plugins = plugins if plugins is not None else PluginManager.discover()
        opened = open_runner(path, device, plugins, runner)
        if fixed_shapes:
            opened = FixedShapes(opened)
        elif share_prefixes and {"append", "rewind"} <= opened.abilities:
            opened = SharedPrefixes(opened)
        return cls(opened, Tokenizer.load(path, plugins), plugins, device=device)

    def generate(
        self,
        prompt: str,
        *,
        strategy: str | None = None,
        chain: Sequence[str] | None = None,
        selector: str | None = None,
        search: str | None = None,
        proposer: str | Mapping[str, object] | None = None,
        constraint: str | Mapping[str, object] | None = None,
        seed: int | None = None,
        max_new_tokens: int = 100,
        stop: Sequence[str] = (),
        logprobs: int | None = None,
        token_healing: bool = True,
        chat: bool = False,
        turns: Sequence[Turn] = (),
        **options: object,
    ) -> Generation:
        """Continue `prompt` by a strategy (`nucleus` by default) or by a chain of transforms.

        `options` are those of the chain and the search, such as `temperature=0.8, top_p=0.9`; the other arguments are
        the fields of `Request`. With `chat` the prompt is what a user says, after `turns`, and the text is the answer.
        Raises `UserError` where the decoding cannot be, or the prompt is longer than the model's context.
        """
        request = Request(
            prompt,
            strategy,
            chain,
            selector,
            search,
            proposer,
            constraint,
            seed,
            max_new_tokens,
            stop,
            logprobs,
            token_healing,
            options,
            chat=chat,
            turns=turns,
        )
        return self.generate_batch([request])[0]

    def generate_batch(
        self,
        requests: Sequence[Request],
        *,
        batch_size: int = 32,
        cancel: threading.Event | None = None,
        on_event: EventSink | None = None,
    ) -> list[Generation]:
        """Continue many prompts, each in its own way; the results stand in the order of the requests.

        At most `batch_size` rows run at once: a text is one, a search as many as it is wide; one that is wider than the
        batch runs alone. When `cancel` is set, what is not finished ends where it is. An error in one text, such as a
        constraint that allows no token, ends all of them.
        """
        if batch_size < 1:
            raise UserError(f"batch_size must be at least 1, got {batch_size}")
        tasks = [self._begin(request) for request in requests]
        waiting = deque(task for task in tasks if task.finish_reason is None)
        with self._loop() as loop:
            while waiting or loop.active:
                if cancel is not None and cancel.is_set():
                    loop.cancel()
                    for task in waiting:
                        task.cancel()
                    break
                loop.admit(_joining(waiting, loop, batch_size))
                loop.step()
                if on_event is not None:
                    done = len(tasks) - len(waiting) - len(loop.active)
                    on_event(Progress("generating", done, len(tasks), "texts"))
        return [Generation.of(task) for task in tasks]

    def stream(
        self,
        prompt: str,
        *,
        strategy: str | None = None,
        chain: Sequence[str] | None = None,
        selector: str | None = None,
        search: str | None = None,
        proposer: str | Mapping[str, object] | None = None,
        constraint: str | Mapping[str, object] | None = None,
        seed: int | None = None,
        max_new_tokens: int = 100,
        stop: Sequence[str] = (),
        logprobs: int | None = None,
        token_healing: bool = True,
        chat: bool = False,
        turns: Sequence[Turn] = (),
        cancel: threading.Event | None = None,
        **options: object,
    ) -> Generator[Chunk, None, None]:
        """Continue `prompt` as `generate` does, and give the text while it is written, in whole characters.

        A mistake in the arguments is raised at once, not at the first chunk. The last chunk holds the `Generation`.
        The stream may be left at any time; what it holds is freed when it is closed.
        """
        request = Request(
            prompt,
            strategy,
            chain,
            selector,
            search,
            proposer,
            constraint,
            seed,
            max_new_tokens,
            stop,
            logprobs,
            token_healing,
            options,
            chat=chat,
            turns=turns,
        )
        return self.stream_request(request, cancel=cancel)

    def stream_request(
        self, request: Request, *, cancel: threading.Event | None = None
    ) -> Generator[Chunk, None, None]:
        """What `stream` does, for a request that is already made."""
        return self._chunks(self._begin(request), cancel)

    def _chunks(self, task: Task, cancel: threading.Event | None) -> Generator[Chunk, None, None]:
        with self._loop() as loop:
            if task.finish_reason is None:
                loop.admit([task])
            while task.finish_reason is None:
                if fresh := task.take():
                    yield Chunk(fresh)
                if cancel is not None and cancel.is_set():
                    loop.cancel()
                loop.step()
        yield Chunk(task.take(), Generation.of(task))

    def _loop(self) -> DecodeLoop:
        return DecodeLoop(self._shared, self._table)

    def _begin(self, request: Request) -> Task:
        """The text of a request before its first token. Raises `UserError` for what cannot be."""
        if not isinstance(request, Request) or not isinstance(request.prompt, str):
            given = getattr(request, "prompt", request)
            raise UserError(
                f"each request is a Request with one text as its prompt, got {given!r:.80}: for one text call "
                'generate("..."), for several generate_batch([Request("..."), ...])'
            )
        plan = request.plan or resolve_decoding(self.plugins, request.settings())
        chain = self._parts.chain(plan)
        idle = chain.idle(plan.options)
        self._check_needs(plan, idle)
        seed = next(seed for seed in (request.seed, plan.seed, fresh_seed()) if seed is not None)
        beginning, tokens = self._prompt_tokens(request)
        if len(beginning) + len(tokens) > self.runner.context_length:
            raise UserError(
                f"the prompt has {len(beginning) + len(tokens)} tokens and the model looks at "
                f"{self.runner.context_length} at most: shorten the prompt (it begins with {request.prompt[:20]!r}), "
                "or use a model with a longer context"
            )
        task = make_task(
            Job(
                number=next(self._numbers),
                prompt=request.prompt,
                beginning=beginning,
                prompt_tokens=tokens,
                open_end=None if request.chat else self._open_end(plan, tokens, idle),
                plan=plan,
                seed=seed,
                tokenizer=self.tokenizer,
                context_length=self.runner.context_length,
                chain=chain,
                settings=chain.settings(plan.options, seed, tokens, self._table),
                proposer=self._parts.proposer(plan),
                matcher=self._parts.matcher(plan),
            )
        )
        for start in task.begin():
            self._check_known(start.line.read)
        self._check_memory(task)
        return task

    def _prompt_tokens(self, request: Request) -> tuple[list[int], list[int]]:
        """The tokens that only begin a text, and those of the prompt."""
        if request.chat:
            return self.tokenizer.conversations.prompt([*request.turns, Turn("user", request.prompt)])
        if request.turns:
            raise UserError("turns: what was said before a prompt needs `chat=True`; else the prompt is a plain text")
        tokens = self.tokenizer.encode(request.prompt)
        beginning = self.tokenizer.beginning
        return beginning if tokens or beginning else [self.tokenizer.end_of_text], tokens

    def _open_end(self, plan: DecodingPlan, tokens: Sequence[int], idle: Set[str]) -> OpenEnd | None:
        """The end of a prompt that may be cut anew. No constraint can follow a token that begins before the text."""
        whole = any(_WHOLE_PROMPT in needs for name, needs in plan.needs.items() if name not in idle)
        asked = plan.token_healing and plan.constraint is None and not whole and plan.max_new_tokens > 0
        if not asked or not self.tokenizer.byte_level or not tokens:
            return None
        keep = 0 if self.tokenizer.beginning else 1
        return open_end(self.tokenizer, tokens, keep=keep, size=self._table.size)

    def _check_memory(self, task: Task) -> None:
        """Refuse a text that could not be finished even if it ran alone."""
        most = self.runner.most_rows(task.longest)
        if most is None or most >= task.width:
            return
        row = self.runner.row_bytes(task.longest)
        takes = "" if row is None else f", {row / 2**20:,.1f} MiB each"
        raise UserError(
            f"the text after {task.job.prompt[:20]!r} may grow to {task.longest} tokens, for which the model keeps "
            f"{task.width} rows{takes}, and there is memory for {most} of that length: ask for fewer max_new_tokens"
            f"{' or a narrower search' if task.width > 1 else ''}, or give the runner more memory, such as "
            "runner: {name: lean, memory: 8} for 8 GiB"
        )

    def _check_needs(self, plan: DecodingPlan, idle: Set[str]) -> None:
        """Refuse what this model or its vocabulary cannot give; a transform that is idle asks nothing."""
        has = self.runner.abilities | {_WHOLE_PROMPT} | ({"bytes"} if self._table.byte_level else set())
        reasons = {
            "bytes": "tokens whose bytes are known, and this tokenizer has text that only its own decoder knows",
            "rewind": f"a model that can take back tokens, and the {type(self.runner).__name__} of this one cannot",
            "hidden": f"the model's hidden states, which its {type(self.runner).__name__} does not give",
        }
        for name, needs in plan.needs.items():
            for need in sorted(needs - has) if name not in idle else ():
                raise UserError(
                    f"{name!r}, a part of the decoding {plan.strategy!r}, needs {reasons.get(need, need)}: "
                    "leave it out, or choose another"
                )

    def _check_known(self, tokens: Sequence[int]) -> None:
        unknown = [token for token in tokens if token >= self.runner.vocabulary_size]
        if unknown:
            raise ArtefactError(
                f"the tokenizer gives token {unknown[0]}, and the model knows only {self.runner.vocabulary_size} "
                "tokens: they do not belong together; take both from one folder"
            )


def _joining(waiting: deque[Task], loop: DecodeLoop, batch_size: int) -> list[Task]:
    """The waiting texts that join now; taken from `waiting`.

    They join many at a time: one pass over many prompts is cheaper, and on a runner that cannot append, rows that were
    read together go on together.
    """
    running = loop.active
    width = before = sum(task.width for task in running)
    longest = max((task.longest for task in running), default=0)
    joining: list[Task] = []
    most = batch_size
    while waiting:
        longest = max(longest, waiting[0].longest)
        most = min(batch_size, loop.most_rows(longest) or batch_size)
        if width and width + waiting[0].width > most:
            break
        joining.append(waiting.popleft())
        width += joining[-1].width
    if waiting and running and width - before < -(-most // loop.parts):
        waiting.extendleft(reversed(joining))
        return []
    return joining
