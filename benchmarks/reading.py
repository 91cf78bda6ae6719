"""How fast each reader reads, in megabytes of text on disk, and documents, a second of the processor's time.

    python benchmarks/reading.py FOLDER [--megabytes 8] [--rounds 5] [--readers html markdown] [--markdown]

FOLDER holds `.txt` files. From them one corpus is made in every format, with the same documents of about 1,000
characters. `pages` are web pages with navigation, a side bar and a footer; `portals` are such as news sites have: some
60 kB, 1,100 elements, most of them with classes, scripts, and comments of readers. Megabytes are 10^6 bytes of what
lies unpacked on disk.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import html
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from datasets import Dataset, disable_progress_bars
from measuring import OtherWork, machine, rendered, spread

from zaoju.contracts import Problem, Reader
from zaoju.plugins import PluginManager

_CHARACTERS = 1_000
_PORTALS = 200
_MENU = "".join(f"<li><a href='/{number}'>栏目{number}</a></li>" for number in range(40))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readers", nargs="+", help="these readers alone")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    print(f"{machine('pyarrow', 'resiliparse', 'zstandard')}\n")
    with tempfile.TemporaryDirectory(prefix="zaoju-reading-") as scratch, OtherWork() as others:
        texts = list(_texts(arguments.folder, arguments.megabytes * 1e6))
        if not texts:
            parser.error(f"there is no text in .txt files of {arguments.folder}")
        ways = _ways(Path(scratch), texts, arguments.readers)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, (make, count, _) in ways.items():
                seconds[name].append(_read(make, count))
        table = [["reader", "MB a processor second", "documents a processor second"]]
        for name, (_, count, size) in ways.items():
            table.append(
                [
                    name,
                    spread([size / 1e6 / taken for taken in seconds[name]], 1),
                    spread([count / taken for taken in seconds[name]], 0),
                ]
            )
    print(rendered(table, markdown=arguments.markdown))
    print(f"\n{len(texts):,} documents; others took {others.share:.0%} of the cores")


def _texts(folder: Path, size: float) -> Iterator[str]:
    whole = "\n".join(path.read_text("utf-8", errors="replace") for path in sorted(folder.rglob("*.txt")))
    lines = "\n".join(line for line in whole.splitlines() if line.strip())
    for number, start in enumerate(cycle(range(0, len(lines), _CHARACTERS))):
        text = f"第{number}篇\n{lines[start : start + _CHARACTERS].strip()}"
        yield text
        size -= len(text.encode())
        if size <= 0:
            return


def _ways(
    folder: Path, texts: list[str], readers: Sequence[str] | None
) -> dict[str, tuple[Callable[[], Reader], int, int]]:
    """For each format: how its reader is made, how many documents it must give, and the bytes unpacked."""
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts).encode()
    (folder / "a.txt").write_text("\n\n".join(texts), encoding="utf-8")
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines, 6))
    (folder / "c.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    (folder / "a.json").write_text(json.dumps([{"text": text} for text in texts], ensure_ascii=False), "utf-8")
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])
    pq.write_table(pa.table({"text": texts}), folder / "a.parquet")
    disable_progress_bars()
    Dataset.from_dict({"text": texts}).save_to_disk(folder / "saved")
    for name in ("pages", "portals", "notes"):
        (folder / name).mkdir()
    for number, text in enumerate(texts):
        (folder / "pages" / f"{number}.html").write_text(_page(text), encoding="utf-8")
        (folder / "notes" / f"{number}.md").write_text(f"# 第{number}篇\n\n{text}\n", encoding="utf-8")
    for number, text in enumerate(texts[:_PORTALS]):
        (folder / "portals" / f"{number}.html").write_text(_portal(text), encoding="utf-8")
    names = {
        "text": ["a.txt"],
        "jsonl": ["a.jsonl", "b.jsonl.gz", "c.jsonl.zst"],
        "json": ["a.json"],
        "csv": ["a.csv"],
        "parquet": ["a.parquet"],
        "html": ["pages", "portals"],
        "markdown": ["notes"],
        "datasets": ["saved"],
    }
    plugins = PluginManager.discover()
    ways: dict[str, tuple[Callable[[], Reader], int, int]] = {}
    for reader, files in names.items():
        for name in files if readers is None or reader in readers else ():
            path = folder / name
            size = sum(page.stat().st_size for page in path.iterdir()) if path.is_dir() else path.stat().st_size
            size = len(lines) if reader == "jsonl" else size
            count = min(len(texts), _PORTALS) if name == "portals" else len(texts)
            place: dict[str, object] = {"path": str(path)} if reader == "datasets" else {"paths": [str(path)]}
            component = plugins.resolve("reader", reader, place)
            ways[f"{reader} {name.partition('.')[2] or name}"] = partial(component.build, Reader), count, size
    return ways


def _page(text: str) -> str:
    body = "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())
    menu = f"<nav><ul>{_MENU}</ul></nav><aside class='sidebar'><ul>{_MENU}</ul></aside>"
    return f"<!doctype html><meta charset=utf-8><body>{menu}<article>{body}</article><footer>{_MENU}</footer></body>"


def _portal(text: str) -> str:
    """A page of some 60 kB as news sites have them."""
    script = f"<script>var settings = {json.dumps(dict.fromkeys(map(str, range(300)), 'div'))};</script>"
    teaser = (
        "<div class='card-wrap'><div class='card card--small'><a class='card__link' href='/{0}'>"
        "<img class='card__image' src='/{0}.jpg' alt='图'></a><div class='card__body'>"
        "<h3 class='card__title'><a href='/{0}'>标题{0}</a></h3><span class='card__time'>昨天</span></div></div></div>"
    )
    comment = (
        "<div class='thread__item'><div class='thread__face'><img src='/{0}.png' alt=''></div><div class='thread__box'>"
        "<span class='thread__name'>读者{0}</span><span class='thread__time'>今天</span>"
        "<p class='thread__text'>说得好。</p></div></div>"
    )
    body = "".join(
        f"<p class='paragraph'><span class='text-run'>{html.escape(line)}</span></p>" for line in text.splitlines()
    )
    teasers, comments = ("".join(map(one.format, range(40))) for one in (teaser, comment))
    return (
        f"<!doctype html><html lang=zh><head><meta charset=utf-8><title>题</title>{script * 2}</head>"
        f"<body class='page'><header class='site-header'><nav class='nav'><ul>{_MENU}</ul></nav></header>"
        f"<div class='layout'><div class='layout__main'><article class='post' id='main'><h1 class='post__title'>题</h1>"
        f"<div class='article-body'>{body}</div></article><section class='comments'>{comments}</section></div>"
        f"<aside class='layout__side sidebar'>{teasers}</aside></div><div class='related'>{teasers}</div>"
        f"<footer class='site-footer'><ul>{_MENU}</ul></footer>{script}</body></html>"
    )


def _read(make: Callable[[], Reader], documents: int) -> float:
    """The seconds of the processor that reading takes, which other programs change less; nothing may be left out."""
    started = time.process_time()
    items = [isinstance(item, Problem) for item in make().read()]
    seconds = time.process_time() - started
    if len(items) - sum(items) != documents:
        raise RuntimeError(f"{len(items) - sum(items)} documents of {documents}: {items[:3]}")
    return seconds


if __name__ == "__main__":
    main()
