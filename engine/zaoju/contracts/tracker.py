"""The contract of trackers: what a training tells is written down for another program, such as TensorBoard."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from zaoju.contracts.events import Event
from zaoju.contracts.options import OptionsT_co


@dataclass(frozen=True, slots=True)
class TrackedTraining:
    """What a tracker is told of the training before the first event."""

    name: str
    """The run and the training in it, such as `poems 3f2a91c0d4e7`: another one for every change of what is trained."""

    folder: Path
    """The tracker's own folder for this training, which is there. It stays when the training is over."""

    config: Mapping[str, object]
    """The whole configuration, as plain data."""

    characters_per_token: float
    """Of the training corpus."""

    def bits_per_character(self, loss: float) -> float:
        """The loss of a step, in nats per token, as bits per character."""
        return loss / math.log(2) / self.characters_per_token


class Tracker(ABC, Generic[OptionsT_co]):
    """Is told every event of a training, in the thread that trains, so it should return soon.

    A training that was interrupted is tracked again from where it goes on, with the same folder: steps after the last
    checkpoint come a second time, also within one training that goes back by itself. It must leave all global state
    alone, random generators above all, since a training is exact. It writes to its folder only, or to a service that
    the user has named in its options.
    """

    def __init__(self, options: OptionsT_co) -> None:
        self.options = options

    @abstractmethod
    def begin(self, training: TrackedTraining) -> None:
        """Get ready. Raises `UserError` where the user must mend something; the training does not begin then."""

    @abstractmethod
    def report(self, event: Event) -> None:
        """Something happened; kinds of events that the tracker does not know are to be passed over.

        Where this raises, the tracker is left out from there on, and the training goes on without it.
        """

    @abstractmethod
    def end(self) -> None:
        """The training is over, whether it was finished, stopped or has failed. No thread may be left after that.

        A process that is killed does not come to it.
        """
