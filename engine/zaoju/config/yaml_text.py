"""Writes a config as YAML that reads back as the same config."""

from __future__ import annotations

import yaml

from zaoju.config.plan import Plan
from zaoju.config.source import scalar


def effective_values(plan: Plan) -> dict[str, object]:
    """The whole effective config as plain values: every default filled in, every path absolute."""
    values = plan.config.model_dump(mode="json")
    unused = ("chain", "selector", "search") if plan.config.decoding.chain is None else ("strategy",)
    values["decoding"] = {key: value for key, value in values["decoding"].items() if key not in unused}
    return values


def show(plan: Plan) -> str:
    """The whole effective config as YAML, which can be run as it is."""
    return yaml.dump(
        effective_values(plan),
        Dumper=_PlainDumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=None,
        width=float("inf"),
    )


class _PlainDumper(yaml.SafeDumper):
    """Quotes what `zaoju.config.source` would not read as text, and never writes an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if _reads_as_other(data) else None)


_PlainDumper.add_representer(str, _PlainDumper.represent_str)


def _reads_as_other(text: str) -> bool:
    try:
        return not isinstance(scalar(text), str)
    except ValueError:  # a whole number too long to read
        return True
