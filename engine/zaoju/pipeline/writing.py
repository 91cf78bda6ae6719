"""Writing with a model by a configuration's decoding: what `zaoju generate` does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zaoju.config import ConfigSource, DecodingPlan, open_decoding
from zaoju.contracts import EventSink
from zaoju.errors import UserError
from zaoju.files import write_text_whole
from zaoju.generation import Chunk, Engine, Generation, Request, sample_seeds
from zaoju.models import choose_device
from zaoju.pipeline.texts import write_texts


class Writer:
    """A model with a way of decoding."""

    def __init__(self, engine: Engine, decoding: DecodingPlan, *, chat: bool = False) -> None:
        """With `chat` prompts are what a user says, and texts are answers."""
        self._engine = engine
        self._decoding = decoding
        self._chat = chat

    def write(
        self,
        prompts: Sequence[str],
        *,
        count: int = 1,
        on_event: EventSink | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Generation]:
        """`count` texts for each prompt, prompt by prompt. Every text tells the seed that gives it again alone."""
        requests = [request for prompt in prompts for request in self._requests(prompt, count)]
        return write_texts(self._engine, requests, on_event, cancel)

    def stream(self, prompt: str, *, count: int = 1) -> Iterator[Iterator[Chunk]]:
        """`count` texts, one after the other, each piece by piece, in whole characters."""
        for request in self._requests(prompt, count):
            yield self._engine.stream_request(request)

    def _requests(self, prompt: str, count: int) -> list[Request]:
        """Without a seed of the configuration, every text draws its own."""
        seed = self._decoding.seed
        seeds = [None] * count if seed is None else sample_seeds(seed, count)
        return [Request.from_plan(prompt, self._decoding, seed=seed, chat=self._chat) for seed in seeds]


def open_writer(
    model: Path | str | None = None,
    *,
    config: ConfigSource = None,
    overrides: Sequence[str] = (),
    strategy: str | None = None,
    seed: int | None = None,
    max_new_tokens: int | None = None,
    chat: bool = False,
) -> Writer:
    """A writer over `model`, or over the model of the configuration's run.

    The decoding is the configuration's; `strategy` replaces its strategy and drops the options of the old one, then
    `overrides` apply. With `chat` prompts are what a user says, and texts are answers. Raises `ConfigError`
    for a wrong option and `ArtefactError` for a folder that is no model.
    """
    given = {"strategy": strategy, "seed": seed, "max_new_tokens": max_new_tokens}
    named = [f"decoding.{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    opened = open_decoding(config, overrides=[*named, *overrides])
    folder = opened.run / "model" if model is None else Path(model)
    if model is None and not folder.is_dir():
        raise UserError(f"there is no model in {folder} yet; `zaoju run` makes one, or name a model folder")
    engine = Engine.load(folder, device=choose_device(opened.device), plugins=opened.plugins, runner=opened.runner)
    return Writer(engine, opened.decoding, chat=chat)


def read_prompts(path: Path) -> list[str]:
    """The lines of a UTF-8 file that are not blank. Raises `UserError` where it cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UserError(f"the prompts in {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"the prompts in {path} are not UTF-8 (byte {error.start}); convert the file first") from error
    return [line for line in text.splitlines() if line.strip()]


def save_texts(texts: Sequence[Generation], path: Path) -> None:
    """Write texts to a file, one JSON object a line, whole or not at all."""
    lines = [json.dumps(text.to_json(), ensure_ascii=False) for text in texts]
    write_text_whole(path, "".join(f"{line}\n" for line in lines))
