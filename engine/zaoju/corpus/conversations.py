"""Conversations in JSON: a prompt and its answer in fields of their own, or a list of turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zaoju.contracts import Turn
from zaoju.corpus.json_text import text_of

_ROLES: Mapping[str, str] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}
"""What data of others calls the three roles."""

_ROLE_KEYS, _TEXT_KEYS = ("role", "from"), ("content", "value", "text")
_LISTS = ("messages", "conversations")
_PAIRS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("instruction", "input"): ("output", "response"),
    ("prompt",): ("completion", "response", "answer"),
    ("question",): ("answer",),
}
"""Fields of prompts, of which the first is always there, and of their answers."""


def turns_of(
    value: dict[str, object], *, prompt: Sequence[str] = (), answer: str | None = None, turns: str | None = None
) -> tuple[Turn, ...]:
    """The conversation in a JSON object.

    Either what the fields `prompt` say together, each on lines of its own, and the field `answer`; or the list in the
    field `turns`: texts, of which the first is the user's, or objects such as `{"role": ..., "content": ...}`. Raises
    `ValueError` with the reason where nothing is asked or nothing answered.
    """
    if turns is not None:
        return _checked(_listed(value, turns))
    assert answer is not None
    parts = [_field(value, name, "prompt") for name in prompt if value.get(name) is not None]
    question = "\n".join(part for part in parts if part)
    if not question:
        raise ValueError(
            f"has no text in the fields {list(prompt)}; it has {sorted(value)[:20]}: set `prompt:` in the reader"
        )
    return _checked([Turn("user", question), Turn("assistant", _field(value, answer, "answer"))])


def find_conversations(sample: Sequence[Mapping[str, object]]) -> dict[str, str | list[str]]:
    """The options `prompt` and `answer`, or `turns`, of objects in a shape that many data sets have; else nothing."""
    for name in _LISTS:
        lists = [value.get(name) for value in sample]
        if lists and all(isinstance(one, list) and one and isinstance(one[0], dict) for one in lists):
            return {"turns": name}
    for prompt, answers in _PAIRS.items():
        for answer in answers:
            if sample and all(isinstance(value.get(name), str) for value in sample for name in (prompt[0], answer)):
                there = [name for name in prompt if any(value.get(name) for value in sample)]
                return {"prompt": there, "answer": answer}
    return {}


def _listed(value: dict[str, object], field: str) -> list[Turn]:
    given = value.get(field)
    if not isinstance(given, list) or not given:
        raise ValueError(f"has no list in the field {field!r}; it has {sorted(value)[:20]}: set `turns:` in the reader")
    return [_turn(item, number) for number, item in enumerate(given)]


def _field(value: dict[str, object], name: str, option: str) -> str:
    try:
        return text_of(value, [name]).strip()
    except ValueError as error:
        raise ValueError(str(error).replace("`fields:`", f"`{option}:`")) from None


def _turn(item: object, number: int) -> Turn:
    if isinstance(item, str):
        return Turn("assistant" if number % 2 else "user", item.strip())
    if not isinstance(item, dict):
        raise ValueError(f"has a turn {number + 1} that is neither a text nor an object")
    role = next((item[key] for key in _ROLE_KEYS if key in item), None)
    text = next((item[key] for key in _TEXT_KEYS if isinstance(item.get(key), str)), None)
    if not isinstance(role, str) or role.lower() not in _ROLES:
        raise ValueError(f"has a turn {number + 1} of the role {role!r}; known are {', '.join(_ROLES)}")
    if text is None:
        raise ValueError(f"has a turn {number + 1} without a text in {', '.join(_TEXT_KEYS)}")
    return Turn(_ROLES[role.lower()], text.strip())


def _checked(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns, if something is asked and something answered."""
    for number, turn in enumerate(turns, start=1):
        if not turn.text:
            raise ValueError(f"has an empty turn {number}, of the {turn.role}")
        if turn.role == "system" and number > 1:
            raise ValueError(f"has a turn {number} of the system; that can only be the first one")
    if not any(turn.role == "assistant" for turn in turns):
        raise ValueError("has no turn of the assistant, so there is no answer to learn")
    return tuple(turns)
