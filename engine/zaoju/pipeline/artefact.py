"""`zaoju.json`: what a model folder says of itself, and where finished models are put."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from zaoju.corpus import read_documents
from zaoju.files import whole_folder, write_text_whole
from zaoju.generation import ARTEFACT_FORMAT, DESCRIPTION, read_description


def publish(model: Path, description: Mapping[str, object], target: Path) -> None:
    """Copy the finished model to `target`, with its description, whole or not at all.

    `target` is what the user loads; a model that was there is replaced, and stays in its own stage folder.
    """
    with whole_folder(target) as folder:
        shutil.copytree(model, folder, dirs_exist_ok=True)
        own = read_description(folder)  # what the trainer says of its model, such as the runner that reads it
        described = {**own, "format": ARTEFACT_FORMAT, "zaoju": version("zaoju"), **description}
        write_text_whole(folder / DESCRIPTION, json.dumps(described, ensure_ascii=False, indent=1) + "\n")


def published_key(target: Path) -> str | None:
    """The key under which the model in `target` was published; None where there is none."""
    key = read_description(target).get("key")
    return key if isinstance(key, str) else None


def texts_identity(documents: Path) -> str:
    """What stands for the texts of a file of documents, wherever they came from: a SHA-256 of them in their order."""
    digest = hashlib.sha256()
    for document in read_documents(documents):
        digest.update(hashlib.sha256(document.text.encode("utf-8")).digest())
        # Of conversations the answers alone are scored.
        if document.turns:
            roles = json.dumps([[turn.role, len(turn.text)] for turn in document.turns])
            digest.update(hashlib.sha256(roles.encode("utf-8")).digest())
    return digest.hexdigest()
