"""Run in the scratch environment: discovers the plugins, answers requests, prints one JSON value."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import zaoju
from zaoju.plugins import PluginManager, PluginSettings

HEAVY = ("jieba", "numpy", "pydantic", "tokenizers", "torch", "transformers")


def answer(manager: PluginManager, action: str, *details: str) -> object:
    from zaoju.contracts import CheckpointSaved, Segmenter, StageStarted

    try:
        if action == "find":
            offer = manager.find(*details)
            return {"package": offer.package, "target": offer.component.target}
        if action == "segment":
            name, text = details
            return manager.resolve("segmenter", name).build(Segmenter).segment(text)
        event = StageStarted("prepare", Path("here")) if action == "start" else CheckpointSaved(7, Path("here"))
        manager.notify(event)
    except zaoju.PluginError as error:
        return f"PluginError: {error}"
    return None


def main() -> None:
    requests = json.loads(sys.argv[1])
    settings = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    manager = PluginManager.discover(PluginSettings(**settings))
    found = {
        "infos": {info.package: asdict(info) for info in manager.infos},
        "order": [info.package for info in manager.infos],
        "offers": [[offer.kind, offer.component.name, offer.package] for offer in manager.offers()],
        "warnings": manager.warnings,
        "heavy": [name for name in HEAVY if name in sys.modules],
    }
    print(json.dumps(found | {"answers": [answer(manager, *request) for request in requests]}))


if __name__ == "__main__":
    main()
