"""The options of the executors."""

from __future__ import annotations

from pydantic import Field

from zaoju import Options


class RayOptions(Options):
    """Options of the `ray` executor."""

    address: str = Field(
        "local",
        min_length=1,
        description="Which cluster: `auto` for the one that this machine belongs to, an address such as"
        " `ray://head:10001`, or `local` for one of this machine's own that ends with the work",
    )
    retries: int = Field(3, ge=0, description="How often a task is begun again when the machine that did it is lost")
    cpus: float = Field(1.0, gt=0, description="How many CPUs of the cluster a task takes")
