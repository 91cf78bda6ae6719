"""Options in a module that imports what is heavy."""

from __future__ import annotations

import numpy
from pydantic import Field

from zaoju import Options


class HeavyOptions(Options):
    length: int = Field(default=int(numpy.int64(2)), description="Characters in a piece")
