"""A time as words."""

from __future__ import annotations

_FEW = 9.95


def duration(seconds: float) -> str:
    """Seconds as hours and minutes, minutes and seconds, or seconds, with a tenth where they are few."""
    if seconds < _FEW:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
