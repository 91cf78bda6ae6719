"""Going on where another machine, or another version, has begun."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zaoju.contracts import Notice, TrainingRun
from zaoju.errors import UserError


def allow_environment(run: TrainingRun, checkpoint: Path, differences: Sequence[str]) -> None:
    """Tell of the differences between then and now where the user allows them.

    Raises `UserError` with all of them where not: rounding differs, so the run would no longer be what it was.
    """
    if not differences:
        return
    listed = "; ".join(differences)
    if not run.inexact:
        raise UserError(
            f"the checkpoint {checkpoint} was made in another environment ({listed}), so the run would not go on bit "
            "for bit. Make these as they were, or go on all the same with --inexact (in Python `inexact=True`)"
        )
    run.emit(Notice(f"going on in another environment ({listed}): from here on not bit for bit the same run"))
