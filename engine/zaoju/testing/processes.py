"""What is asked of another process: whether it builds the same component, and what an import drags in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from zaoju.contracts import Reader, Segmenter, VocabularyBuilder
from zaoju.plugins import ResolvedComponent

P = ParamSpec("P")
T = TypeVar("T")

HEAVY = frozenset(
    {
        *("torch", "transformers", "tokenizers", "accelerate", "safetensors", "tensorflow", "jax"),
        *("numpy", "scipy", "pandas", "pyarrow", "sklearn"),
        *("jieba", "pkuseg", "spacy", "nltk", "hanlp", "LAC", "thulac"),
    }
)
"""Packages that a module of options, or a plugin's own module, must not import."""

_IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
sys.stderr.write("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def in_another_process(function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """What `function` gives in a fresh process. Its hashes are seeded anew, so the order of a set differs there."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **keywords).result()


def pieces_there(segmenter: ResolvedComponent, texts: Sequence[str]) -> list[list[str]]:
    """The pieces of each text."""
    built = segmenter.build(Segmenter)
    return [built.segment(text) for text in texts]


def tokenizer_there(builder: ResolvedComponent, documents: list[list[str]]) -> str:
    """The tokenizer that is learned from `documents`, as JSON."""
    return builder.build(VocabularyBuilder).build(lambda: iter(documents)).to_str()


def fingerprint_there(reader: ResolvedComponent) -> str:
    """The reader's fingerprint."""
    return reader.build(Reader).fingerprint()


def heavy_imports(modules: Sequence[str]) -> list[str]:
    """Which heavy packages a fresh process has imported after importing `modules`."""
    path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, *modules],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{', '.join(modules)} cannot be imported:\n{done.stderr}"
    return sorted(HEAVY.intersection(json.loads(done.stderr.splitlines()[-1])))
