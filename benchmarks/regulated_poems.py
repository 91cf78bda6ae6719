"""Whether a model keeps the form of regulated poems: lines of five or seven characters, all alike, in pairs.

    python benchmarks/regulated_poems.py MODEL POEMS [--poems 200] [--strategy nucleus] [--options '{"top_p": 0.9}']
                                         [--markdown]

MODEL is the folder of a trained model, POEMS a UTF-8 file with a poem a line or JSON lines with a `text`, which the
model was not trained on, as `held_out.jsonl` of the stage `prepare` is. Each poem that is regulated gives its title,
where it has one, and its first line; the model writes on. The real poems stand beside it, and a model that knows only
which characters are frequent: every mark of punctuation and every character is drawn by itself.

lines        after the first, that have as many characters as the first
poems        of which all lines do, and that have four, eight or any other even number of lines
ended        texts that the model ended by itself, within twice the tokens of the longest real one
known        lines after the first that stand in a real poem of the file
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring import machine, rendered

from zaoju.generation import Engine, Request

_BREAKS = re.compile("[，。！？；、：\\s]+")
_TITLE = re.compile("[^，。！？；、：\\n]*\\n(?=.*[，。])", re.DOTALL)
LENGTHS = (5, 7)


@dataclass(frozen=True)
class Form:
    """How well texts keep the form of their first lines."""

    lines: float
    poems: float


def title_of(text: str) -> str:
    """A first line without marks over lines with marks, its end included; an empty string where there is none."""
    found = _TITLE.match(text)
    return found.group() if found else ""


def lines_of(text: str) -> list[str]:
    """The lines of a poem, without its title and their marks."""
    return [line for line in _BREAKS.split(text.removeprefix(title_of(text))) if line]


def beginning_of(poem: str) -> str:
    """The title, the first line, and the mark after it."""
    return poem[: len(title_of(poem)) + len(lines_of(poem)[0]) + 1]


def is_regulated(lines: Sequence[str]) -> bool:
    """Whether a poem has the form."""
    return len(lines) >= 4 and len(lines) % 2 == 0 and {len(line) for line in lines} in ({5}, {7})


def form_of(poems: Sequence[Sequence[str]]) -> Form:
    """The share of lines after the first that are as long as the first, and of poems that are regulated."""
    later = [len(line) == len(poem[0]) for poem in poems for line in poem[1:]]
    return Form(sum(later) / max(1, len(later)), sum(map(is_regulated, poems)) / len(poems))


def read_poems(path: Path, most: int) -> list[str]:
    """The first regulated poems of a file."""
    texts = [
        str(json.loads(line)["text"]) if path.suffix == ".jsonl" else line
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]
    return [text for text in texts if is_regulated(lines_of(text))][:most]


def scattered(poems: Sequence[str], draw: random.Random) -> list[list[str]]:
    """First lines that are gone on with by characters and marks of all poems, each drawn by itself."""
    characters = "".join(poems)
    return [lines_of(beginning_of(poem) + "".join(draw.choices(characters, k=len(poem)))) for poem in poems]


def written(engine: Engine, poems: Sequence[str], given: argparse.Namespace) -> tuple[list[list[str]], float]:
    """The lines of the model's poems, and the share that it ended by itself."""
    most = 2 * max(len(poem) for poem in poems)
    requests = [
        Request(
            beginning_of(poem),
            strategy=given.strategy,
            options=given.options,
            seed=number,
            max_new_tokens=most,
        )
        for number, poem in enumerate(poems)
    ]
    results = engine.generate_batch(requests)
    ended = sum(result.finish_reason == "end_of_text" for result in results) / len(results)
    return [lines_of(result.prompt + result.text) for result in results], ended


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path, metavar="poems")
    parser.add_argument("--poems", type=int, default=200)
    parser.add_argument("--strategy", default="nucleus")
    parser.add_argument("--options", type=json.loads, default={"temperature": 0.9, "top_p": 0.9})
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    poems = read_poems(given.texts, given.poems)
    if not poems:
        raise SystemExit(f"{given.texts}: holds no poem of four or more lines of {' or '.join(map(str, LENGTHS))}")
    model, ended = written(Engine.load(given.model), poems, given)
    real = [lines_of(poem) for poem in poems]
    known = {line for poem in real for line in poem}
    later = [line for poem in model for line in poem[1:]]
    forms = {
        "real poems": (form_of(real), "-", "-"),
        "characters by themselves": (form_of(scattered(poems, random.Random(1))), "-", "-"),
        "the model": (
            form_of(model),
            f"{ended:.0%}",
            f"{sum(line in known for line in later) / max(1, len(later)):.1%}",
        ),
    }
    table = [
        ["", "lines", "poems", "ended", "known"],
        *([name, f"{form.lines:.1%}", f"{form.poems:.1%}", *more] for name, (form, *more) in forms.items()),
    ]
    print(f"{machine()}\n\n{len(poems)} first lines of regulated poems\n\n{rendered(table, markdown=given.markdown)}\n")
    for poem in model[: given.show]:
        print("  ".join(poem))


if __name__ == "__main__":
    main()
