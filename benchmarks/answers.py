"""Does a model learn to answer? Lines of couplets, answered by models that were trained on answers alone, or on all.

    python benchmarks/answers.py couplets.jsonl --minutes 1

Each line of the file is `{"up": ..., "down": ...}`. One model learns the answers alone, the other every token of the
same conversations' text. Each then answers held-out lines, and it is counted how many answers have as many characters
as what they answer, beside what a random answer of the corpus would have.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import zaoju
from zaoju.corpus import read_documents


def main() -> None:
    """Train, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--size", default="nano")
    parser.add_argument("--asked", type=int, default=500)
    parser.add_argument("--run", type=Path, help="where the runs are kept; without it they are forgotten")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = arguments.run or Path(scratch)
        answers, plain = (_run(home / name, arguments, chat=name == "answers") for name in ("answers", "all"))
        prepared = answers.prepare()
        held_out = [document.turns for document in read_documents(prepared / "held_out.jsonl")][: arguments.asked]
        trained = [document.turns for document in read_documents(prepared / "train.jsonl")]
        print(f"{len(trained):,} couplets to learn, {len(held_out)} held-out lines asked")
        print(f"by chance: {_chance(trained, held_out):.1%} of the answers are as long as the line")
        for name, pipeline in (("answers alone", answers), ("every token", plain)):
            _tell(name, pipeline, [turns[0].text for turns in held_out])


def _run(folder: Path, arguments: argparse.Namespace, *, chat: bool) -> zaoju.Pipeline:
    fields = {"prompt": ["up"], "answer": "down"} if chat else {"fields": ["up", "down"]}
    config = {
        "run": str(folder),
        "corpus": {
            "readers": [{"name": "jsonl", "paths": [str(arguments.file.absolute())], **fields}],
            "held_out": 0.05,
        },
        "tokenization": {"segmenter": "characters", "vocabulary": "characters"},
        "model": {"size": arguments.size, "context": 32},
        "trainer": {"name": "lean", "minutes": arguments.minutes, "windows": "documents", "batch_size": 64},
        "evaluation": {"samples": 0, "strategies": ["greedy"], "prompts": ["明月松间照"]},
    }
    pipeline = zaoju.open_pipeline(config)
    pipeline.evaluate()
    return pipeline


def _chance(trained: list[tuple[zaoju.Turn, ...]], asked: list[tuple[zaoju.Turn, ...]]) -> float:
    """How often the answer of another couplet would have the length that is wanted."""
    lengths = Counter(len(turns[1].text) for turns in trained)
    return sum(lengths[len(turns[0].text)] for turns in asked) / len(asked) / len(trained)


def _tell(name: str, pipeline: zaoju.Pipeline, lines: list[str]) -> None:
    engine = zaoju.Engine.load(pipeline.model_folder, device="cpu")
    chat = engine.tokenizer.chat_template is not None
    for strategy, options in (("greedy", {}), ("nucleus", {"top_p": 0.9})):
        # The model of plain texts has learned that the answer follows on the next line.
        requests = [
            zaoju.Request(
                line if chat else f"{line}\n", strategy, seed=seed, max_new_tokens=24, chat=chat, options=options
            )
            for seed, line in enumerate(lines)
        ]
        texts = [generation.text for generation in engine.generate_batch(requests)]
        right = sum(len(text) == len(line) for text, line in zip(texts, lines, strict=True))
        print(f"{name}, {strategy}: {right / len(lines):.1%} as long as the line; {lines[0]} -> {texts[0]}")
    score = pipeline.scores().held_out
    print(f"{name}: {score.bits_per_character:.3f} bits per character of {score.characters:,} held-out characters")


if __name__ == "__main__":
    main()
