"""What is wrong with a config, gathered so that the user hears all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zaoju.config.source import KeyPath, key_text

_MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the key path where it is."""

    path: KeyPath
    message: str

    def below(self, parent: KeyPath) -> Fault:
        """The same fault, seen from the section that holds it."""
        return Fault((*parent, *self.path), self.message)


class FaultsError(Exception):
    """Carries faults up to where their place in the file is known. Never leaves `zaoju.config`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


def tell(faults: Sequence[Fault], locate: Callable[[KeyPath], str]) -> str:
    """The faults for a person, one a line: `decoding.top_k: must be >= 0, got -3 (config.yaml line 14)`."""
    lines = []
    for fault in faults[:_MOST_LINES]:
        prefix = f"{key_text(fault.path)}: " if fault.path else ""
        lines.append(f"{prefix}{fault.message}{locate(fault.path)}")
    if len(faults) > _MOST_LINES:
        lines.append(f"... and {len(faults) - _MOST_LINES} more")
    return "\n".join(lines)
