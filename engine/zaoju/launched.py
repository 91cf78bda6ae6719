"""Whether `torchrun` or `accelerate launch` has started this process as one of several, and what that rules out."""

from __future__ import annotations

import os

from zaoju.errors import EndedElsewhere, UserError


def number_of_processes() -> int:
    """How many processes were started together; 1 for a command on its own."""
    # A cluster's own launcher may set the number alone, for programs that are not to meet.
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ and "MASTER_ADDR" in os.environ else 1


def is_main_process() -> bool:
    """Whether this is the process that speaks for all: the only one, or the first of several."""
    return number_of_processes() == 1 or os.environ["RANK"] == "0"


def refuse_several(what: str) -> None:
    """Raise `UserError` in the main of several processes, `EndedElsewhere` in the others; nothing for a single one."""
    if number_of_processes() == 1:
        return
    if not is_main_process():
        raise EndedElsewhere
    raise UserError(
        f"{what} cannot be done in {number_of_processes()} processes: only a training can. Start `zaoju train` or "
        "`zaoju run` by torchrun or accelerate launch, and everything else without"
    )
