"""The vocabulary of a model folder, measured on files of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaoju.config import ConfigSource, discover_plugins
from zaoju.contracts import EventSink
from zaoju.files import read_json_object
from zaoju.pipeline.text_tools import read_texts, silent
from zaoju.tokenization import Tokenizer, VocabularyReport, report_vocabulary

_CONTEXT_KEYS = ("n_positions", "max_position_embeddings")


def vocabulary_report(
    model: Path | str,
    files: Sequence[Path | str],
    *,
    against: Path | str | None = None,
    config: ConfigSource = None,
    overrides: Sequence[str] = (),
    on_event: EventSink | None = None,
) -> VocabularyReport:
    """What the tokenizer in the folder `model` does to files of text, JSON lines and the like, and folders of them.

    `against` is a second folder, whose vocabulary is compared with it on the same texts. Raises `CorpusError` where a
    file cannot be read whole, `UserError` where there is no text, `ArtefactError` where a folder has no tokenizer.
    """
    plugins = discover_plugins(config, overrides=overrides)
    settings = read_json_object(Path(model) / "config.json") or {}
    windows = (settings.get(key) for key in _CONTEXT_KEYS)
    return report_vocabulary(
        Tokenizer.load(Path(model), plugins),
        read_texts([Path(file) for file in files], plugins, on_event or silent),
        window=next((window for window in windows if isinstance(window, int)), None),
        other=None if against is None else Tokenizer.load(Path(against), plugins),
    )
