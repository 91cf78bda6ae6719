"""A small corpus with blanks between its words, and a tokenizer of every builtin vocabulary learned from it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from threading import Event

from zaoju.contracts import EventSink
from zaoju.plugins import PluginManager
from zaoju.tokenization import Tokenizer, build_tokenizer

BUILDERS = ("characters", "words", "portable", "bpe", "unigram", "wordpiece", "word_list")
LITERALS = "<0x41> <|endoftext|> ## ＃＃想 ▁ [UNK] </s> \r\n\t\0é\u0301\U0001f469\u200d\U0001f680"
TEXT = "我想去北京看长城，2024 年再去 Paris。"

_PEOPLE = ("小明", "王老师", "李医生", "我", "我们")
_WISHES = ("想去", "喜欢", "打算去", "不想去")
_PLACES = ("北京", "上海", "长城", "图书馆", "Paris", "公园 3 号", "火车站")
_ENDS = ("看书。", "学习！", "，因为那里的花开了。", "？", "买咖啡 coffee。\n")


def sentences(count: int) -> list[str]:
    draw = random.Random(7)
    groups = (_PEOPLE, _WISHES, _PLACES, _ENDS)
    return [" ".join(draw.choice(group) for group in groups for _ in range(draw.randint(1, 2))) for _ in range(count)]


def write_documents(path: Path, texts: list[str]) -> Path:
    lines = [json.dumps({"text": text, "source": str(number)}) for number, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def builtin_plugins() -> PluginManager:
    return PluginManager.discover(environment={}, entry_points=entry_points(group="zaoju", name="builtin"))


def build(
    folder: Path,
    name: str,
    options: Mapping[str, object] | None = None,
    *,
    texts: list[str] | None = None,
    live: bool = False,
    emit: EventSink = lambda _: None,
    segmenter: str = "whitespace",
) -> Tokenizer:
    if options is None:
        # At 325 `portable` has no room for all, and so differs from `words`.
        options = {} if name == "characters" else {"size": 325 if name == "portable" else 700}
        if name == "word_list":
            words = folder / "words.txt"
            words.write_text("\ufeff王老师\n图书馆\n\n  想去北京  \n<|endoftext|>\n", encoding="utf-8")
            options = {"path": str(words)}
    plugins = builtin_plugins()
    return build_tokenizer(
        write_documents(folder / "train.jsonl", texts if texts is not None else sentences(400)),
        plugins.resolve("segmenter", segmenter),
        plugins.resolve("vocabulary", name, options),
        live=live,
        workers=1,
        emit=emit,
        cancel=Event(),
    )
