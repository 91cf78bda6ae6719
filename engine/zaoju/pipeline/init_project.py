"""A project folder for the user's own text: a config that fits the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from zaoju.contracts import Document, Problem, Reader
from zaoju.corpus import Inspection, ReaderSuggestion, inspect_files
from zaoju.errors import UserError
from zaoju.files import write_text_whole
from zaoju.plugins import PluginManager

_SMALL_CORPUS = 300_000
_LARGE_CORPUS = 20_000_000
_MOST_PROBLEMS = 20
_SHORT_TEXT = 300
"""Characters; about as many as the smaller models see at once."""

_TEMPLATE = """\
# A zaoju project. `zaoju run` in this folder does what stands here; `zaoju config show` fills in every default.
# Found: {documents:,} documents, {characters:,} characters.

run: run                       # where everything of this run is kept; the finished model is run/model
seed: 1

corpus:
  readers:
{readers}
  cleaners: [basic]
  held_out: 0.02               # the share of the documents that is never trained on

tokenization:
  segmenter: jieba             # or: none, characters, whitespace, rjieba, pkuseg
  vocabulary:
    name: bpe                  # or: words, portable, characters, unigram, wordpiece, word_list
    size: {vocabulary}

model:
  architecture: gpt2
  size: {size}                   # nano, tiny, mini, small, medium, gpt2, ...

trainer:
  name: lean
  minutes: {minutes}                  # a budget; or steps, or epochs
  windows: {windows}           # packed: cut from one stream of text; documents: one text each

evaluation:
  prompts: [我想, 春天]

decoding:
  strategy: nucleus            # or: greedy, top_k, ...
  temperature: 0.9
  top_p: 0.9
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A project that was written."""

    config: Path
    documents: int
    characters: int
    findings: tuple[str, ...]
    """What was found in the corpus, line by line."""


def init_project(folder: Path | str, files: Sequence[Path | str] = ()) -> Project:
    """Write `folder/config.yaml` for a corpus that stays where it is; for the bundled stories where no file is given.

    Raises `UserError` where there is a config already, and `CorpusError` where a file cannot be read.
    """
    config = Path(folder) / "config.yaml"
    if config.exists():
        raise UserError(f"{config} exists already; name another folder, or remove it first")
    paths = [Path(file).absolute() for file in files]
    inspection = inspect_files(paths) if paths else Inspection((), ())
    found = _counted(inspection.readers)
    documents, characters = sum(item.documents or 0 for item in found), sum(item.characters or 0 for item in found)
    readers: list[Mapping[str, object]] = [item.reader for item in found] or [{"name": "stories", "documents": 20_000}]
    # Short texts are learned faster one by one; long ones would leave most of such windows half empty.
    conversations = any({"answer", "turns"} & set(reader) for reader in readers)
    windows = "documents" if conversations or characters < _SHORT_TEXT * documents else "packed"
    text = _TEMPLATE.format(
        readers=_readers(readers), documents=documents, characters=characters, windows=windows, **_fit(characters)
    )
    if not found:
        text = text.replace("# Found: 0 documents, 0 characters.\n", "# The corpus is the bundled story grammar.\n")
    config.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(config, text)
    findings = [line for item in found for line in _finding(item)]
    findings += [f"{problem.source}: {problem.reason}" for problem in inspection.problems]
    return Project(config, documents, characters, tuple(findings))


def _counted(found: Sequence[ReaderSuggestion]) -> list[ReaderSuggestion]:
    """The suggestions with all their numbers, for which some must be read by their readers."""
    if all(item.documents is not None for item in found):
        return list(found)
    plugins = PluginManager.discover()
    return [item if item.documents is not None else _read(item, plugins) for item in found]


def _read(item: ReaderSuggestion, plugins: PluginManager) -> ReaderSuggestion:
    options = {key: value for key, value in item.reader.items() if key != "name"}
    reader = plugins.resolve("reader", str(item.reader["name"]), options).build(Reader)
    documents = characters = 0
    problems = list(item.problems)
    more = 0
    for found in reader.read():
        if isinstance(found, Document):
            documents += 1
            characters += len(found.text)
        elif len(problems) < _MOST_PROBLEMS:
            problems.append(found)
        else:
            more += 1
    if more:
        problems.append(Problem(f"and {more:,} more", "`zaoju prepare` tells them all", stops=False))
    return replace(item, documents=documents, characters=characters, problems=tuple(dict.fromkeys(problems)))


def _fit(characters: int) -> dict[str, object]:
    """Vocabulary and model for that much text, and a time that a laptop can spare.

    In that time two cores do some 10^14 operations, which are best spent on one to two million weights (Hoffmann et
    al., 2022, "Training Compute-Optimal Large Language Models"): a larger model would see too little text.
    """
    if characters < _SMALL_CORPUS:
        return {"vocabulary": 3000, "size": "tiny", "minutes": 5}
    if characters < _LARGE_CORPUS:
        return {"vocabulary": 8000, "size": "tiny", "minutes": 15}
    return {"vocabulary": 16000, "size": "mini", "minutes": 60}


def _readers(readers: Sequence[Mapping[str, object]]) -> str:
    """The readers as YAML, indented as items under `readers:`."""
    text = yaml.safe_dump([dict(reader) for reader in readers], allow_unicode=True, sort_keys=False)
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")


def _finding(item: ReaderSuggestion) -> list[str]:
    how = ", ".join(f"{key}: {value}" for key, value in item.reader.items() if key not in ("name", "paths"))
    kind = f"{item.reader['name']} ({how})" if how else str(item.reader["name"])
    return [
        f"{item.files:,} files for the reader {kind}: {item.documents:,} documents, {item.characters:,} characters",
        *(f"  {problem.source}: {problem.reason}" for problem in item.problems),
    ]
