"""Reading the grammar's data: word lists, phrase rules and topics.

- ``words/<list>.txt``: words separated by white space, one list a file. A line ``[measure=条]`` gives the words below
  it that form; ``#`` starts a comment.
- ``rules/*.toml``: ``list = [template, ...]``; an alternative is a string, or ``{text = ..., weight = ...}``.
  The table ``[variables]`` says which list a variable is drawn from, where its name does not say it.
- ``topics/*.toml``: a table a topic, each key a form of that topic with its templates.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from zaoju_builtin.stories.grammar import Entry, Grammar, WordList
from zaoju_builtin.stories.template import Literal, Template, TemplateError, parse_template

TOPIC_LIST = "topic"


def load_grammar(folder: Traversable | None = None) -> Grammar:
    """Read the grammar in `folder`, by default the bundled one. Its texts start from the rule ``story``.

    Raises `TemplateError` if a file cannot be understood or names something that does not exist.
    """
    folder = folder or files(__package__) / "data"
    lists: dict[str, WordList] = {}
    variables: dict[str, str] = {}
    entries: list[tuple[str, tuple[Entry, ...]]] = []
    for name, text in _texts(folder / "words", ".txt"):
        entries.append((name, tuple(_read_words(text, name))))
    for name, text in _texts(folder / "rules", ".toml"):
        table = tomllib.loads(text)
        variables |= table.pop("variables", {})
        entries += [(rule, tuple(_rule_entries(alternatives, f"{name}.toml"))) for rule, alternatives in table.items()]
    topics = [
        _read_topic(forms) for _, text in _texts(folder / "topics", ".toml") for forms in tomllib.loads(text).values()
    ]
    if topics:
        entries.append((TOPIC_LIST, tuple(topics)))
    for name, members in entries:
        if name in lists:
            raise TemplateError(f"the list {name!r} is defined twice")
        lists[name] = WordList(name, members)
    return Grammar(lists, parse_template("<story>"), variables)


def _texts(folder: Traversable, suffix: str) -> Iterator[tuple[str, str]]:
    """Name without suffix and text of every file in a folder, in name order; nothing where there is no folder."""
    if folder.is_dir():
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if path.name.endswith(suffix):
                yield path.name.removesuffix(suffix), path.read_text(encoding="utf-8")


def _read_words(text: str, name: str) -> Iterator[Entry]:
    shared: dict[str, tuple[Template, ...]] = {}
    seen: set[str] = set()
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            pairs = (pair.partition("=") for pair in line.strip("[]").split())
            shared = {form: _fixed(value) for form, _, value in pairs}
            continue
        for word in line.split():
            if word in seen:
                raise TemplateError(f"words/{name}.txt has {word!r} twice")
            seen.add(word)
            yield Entry({"text": _fixed(word), **shared})


def _fixed(text: str) -> tuple[Template, ...]:
    return ((Literal(text),),)


def _rule_entries(alternatives: list[str | Mapping[str, str | float]], place: str) -> Iterator[Entry]:
    for alternative in alternatives:
        text, weight = (alternative, 1.0) if isinstance(alternative, str) else _weighted(alternative, place)
        yield Entry({"text": (parse_template(text),)}, weight)


def _weighted(alternative: Mapping[str, str | float], place: str) -> tuple[str, float]:
    if set(alternative) != {"text", "weight"}:
        raise TemplateError(f"{place}: an alternative is a string or {{text, weight}}, not {alternative}")
    return str(alternative["text"]), float(alternative["weight"])


def _read_topic(forms: Mapping[str, list[str]]) -> Entry:
    return Entry({form: tuple(map(parse_template, templates)) for form, templates in forms.items()})
