"""The engine: a model, its tokenizer and a set of plugins, ready to write."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Self

from zaoju.config import resolve_decoding
from zaoju.contracts import EventSink, Progress, Runner
from zaoju.errors import ArtefactError, UserError
from zaoju.generation.artefact import open_runner
from zaoju.generation.loop import DecodeLoop
from zaoju.generation.results import Chunk, Generation, Request
from zaoju.generation.running_text import RunningText
from zaoju.generation.shared_runner import SharedRunner
from zaoju.generation.uniforms import fresh_seed
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer


class Engine:
    """Continues prompts. Holds no global state, so engines with other models and plugins live side by side.

    Every method may be called from any thread. The model computes for one caller at a time; texts of several callers
    advance in turn, step by step.
    """

    def __init__(self, runner: Runner, tokenizer: Tokenizer, plugins: PluginManager) -> None:
        self.runner = runner
        self.tokenizer = tokenizer
        self.plugins = plugins
        self._shared = SharedRunner(runner)
        # Logits beyond the tokenizer are padding; tokens beyond the model are special ones that it never saw.
        self._width = min(runner.vocabulary_size, tokenizer.vocabulary_size)
        self._check_known([tokenizer.end_of_text, *tokenizer.beginning])

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        device: str = "auto",
        plugins: PluginManager | None = None,
        runner: str | None = None,
    ) -> Self:
        """Read a model folder: one that zaoju made, or any Hugging Face folder of a causal language model.

        `runner` names who computes the logits; without it the folder's own choice stands, else the fastest one that
        can read the model. Raises `ArtefactError` where the folder cannot be used, with what is missing.
        """
        path = Path(folder)
        plugins = plugins if plugins is not None else PluginManager.discover()
        opened = open_runner(path, device, plugins, runner)
        return cls(opened, Tokenizer.load(path, plugins), plugins)

    def generate(
        self,
        prompt: str,
        *,
        strategy: str | None = None,
        chain: Sequence[str] | None = None,
        selector: str | None = None,
        seed: int | None = None,
        max_new_tokens: int = 100,
        stop: Sequence[str] = (),
        **options: float,
    ) -> Generation:
        """Continue `prompt` by a strategy (`nucleus` by default) or by a chain of transforms.

        `options` are the numbers of the chain, such as `temperature=0.8, top_p=0.9`. Raises `UserError` where the
        decoding cannot be, or the prompt is longer than the model's context.
        """
        request = Request(prompt, strategy, chain, selector, seed, max_new_tokens, stop, options)
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

        At most `batch_size` texts are written at once. When `cancel` is set, what is not finished ends where it is.
        """
        if batch_size < 1:
            raise UserError(f"batch_size must be at least 1, got {batch_size}")
        texts = [self._begin(request) for request in requests]
        waiting = deque(text for text in texts if text.finish_reason is None)
        with self._loop() as loop:
            while waiting or loop.active:
                if cancel is not None and cancel.is_set():
                    loop.cancel()
                    for text in waiting:
                        text.finish("cancelled")
                    break
                room = batch_size - len(loop.active)
                # Texts join many at a time: prompts that are read together go on together on every runner.
                if waiting and room >= min(len(waiting), (batch_size + 1) // 2):
                    loop.admit([waiting.popleft() for _ in range(min(room, len(waiting)))])
                loop.step()
                if on_event is not None:
                    done = len(texts) - len(waiting) - len(loop.active)
                    on_event(Progress("generating", done, len(texts), "texts"))
        return [Generation.of(text) for text in texts]

    def stream(
        self,
        prompt: str,
        *,
        strategy: str | None = None,
        chain: Sequence[str] | None = None,
        selector: str | None = None,
        seed: int | None = None,
        max_new_tokens: int = 100,
        stop: Sequence[str] = (),
        cancel: threading.Event | None = None,
        **options: float,
    ) -> Generator[Chunk, None, None]:
        """Continue `prompt` as `generate` does, and give the text while it is written, in whole characters.

        A mistake in the arguments is raised at once, not at the first chunk. The last chunk holds the `Generation`.
        The stream may be left at any time; what it holds is freed when it is closed.
        """
        request = Request(prompt, strategy, chain, selector, seed, max_new_tokens, stop, options)
        return self.stream_request(request, cancel=cancel)

    def stream_request(
        self, request: Request, *, cancel: threading.Event | None = None
    ) -> Generator[Chunk, None, None]:
        """What `stream` does, for a request that is already made."""
        return self._chunks(self._begin(request), cancel)

    def _chunks(self, text: RunningText, cancel: threading.Event | None) -> Generator[Chunk, None, None]:
        with self._loop() as loop:
            if text.finish_reason is None:
                loop.admit([text])
            while text.finish_reason is None:
                if fresh := text.take():
                    yield Chunk(fresh)
                if cancel is not None and cancel.is_set():
                    loop.cancel()
                loop.step()
        yield Chunk(text.take(), Generation.of(text))

    def _loop(self) -> DecodeLoop:
        return DecodeLoop(self._shared, self._width, self.tokenizer.end_of_text)

    def _begin(self, request: Request) -> RunningText:
        """The text of a request before its first token. Raises `UserError` for what cannot be."""
        plan = request.plan or resolve_decoding(self.plugins, request.settings())
        seed = request.seed if request.seed is not None else fresh_seed()
        tokens = self.tokenizer.encode(request.prompt)
        beginning = self.tokenizer.beginning
        if not tokens and not beginning:
            beginning = [self.tokenizer.end_of_text]
        text = RunningText(request.prompt, beginning, tokens, plan, seed)
        self._check_known(text.fed)
        if len(text.fed) > self.runner.context_length:
            raise UserError(
                f"the prompt has {len(text.fed)} tokens and the model looks at {self.runner.context_length} at most: "
                f"shorten the prompt (it begins with {request.prompt[:20]!r}), or use a model with a longer context"
            )
        text.start(self.tokenizer, self.runner.context_length)
        return text

    def _check_known(self, tokens: Sequence[int]) -> None:
        unknown = [token for token in tokens if token >= self.runner.vocabulary_size]
        if unknown:
            raise ArtefactError(
                f"the tokenizer gives token {unknown[0]}, and the model knows only {self.runner.vocabulary_size} "
                "tokens: they do not belong together; take both from one folder"
            )
