"""Problems as lines for a person: many of one kind in one file are one line."""

from __future__ import annotations

from collections.abc import Sequence

from zaoju.contracts import Problem


def problem_lines(problems: Sequence[Problem], count: int) -> list[str]:
    """A line for each different problem, and one that counts the rest of all `count`.

    Problems are alike where a file has them for the same reason, in whatever line: the first place is named.
    """
    alike: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        file = problem.source.rpartition(" line ")[0] or problem.source
        alike.setdefault((file, problem.reason), []).append(problem)
    lines = []
    for first, *others in alike.values():
        more = f" (and {len(others):,} more like it)" if others else ""
        lines.append(f"{first.source}: {first.reason}{more}")
    rest = count - len(problems)
    return [*lines, f"and {rest:,} more"] if rest else lines
