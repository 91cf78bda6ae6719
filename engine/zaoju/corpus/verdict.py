"""What stops a run before it trains on less than was given."""

from __future__ import annotations

from zaoju.contracts import Problem
from zaoju.corpus.account import Account
from zaoju.corpus.telling import problem_lines
from zaoju.errors import CorpusError


def check_readable(stopping: list[Problem], count: int) -> None:
    """Raise `CorpusError` with every file that cannot be read, and why.

    `stopping` may hold only the first of the `count` problems that stop a run.
    """
    if not count:
        return
    listed = [f"  {line}" for line in problem_lines(stopping, count)]
    raise CorpusError(
        "\n".join(
            [
                f"the corpus cannot be read completely ({count:,} problems):",
                *listed,
                "Mend these, or leave them out and go on with `corpus.unreadable: skip`; they are then counted.",
            ]
        )
    )


def check_kept(account: Account, texts: int, minimum_kept: float) -> None:
    """Raise `CorpusError` where nothing is left, where it cannot be split, or where the cleaners took too much.

    `texts` is how many different texts are left.
    """
    if not account.kept.documents:
        raise _refusal(account, "nothing is left of the corpus", "Look at what dropped it in the account below.")
    if account.share_kept < minimum_kept:
        raise _too_little(account, minimum_kept)
    if texts < 2:
        kept = f"{account.kept.documents:,} document(s), {account.kept.characters:,} characters"
        raise _refusal(
            account,
            f"the corpus has only one text ({kept}), and a document is never split between training and held-out text",
            "Give more files, or let a file hold many documents: put blank lines between them, or set"
            " `documents: line` in the `text` reader where each line is a document.",
        )


def _too_little(account: Account, minimum_kept: float) -> CorpusError:
    losses = {rule: count.characters for rule, count in account.dropped.items()}
    losses |= dict(account.removed)
    rule = max(losses, key=lambda name: losses[name])
    return _refusal(
        account,
        f"only {account.share_kept:.0%} of the characters are left after cleaning; {rule!r} took"
        f" {losses[rule]:,} of {account.read.characters:,}",
        f"Change that cleaner's options, or allow it with a `corpus.minimum_kept` below {account.share_kept:.2f}"
        f" (it is {minimum_kept}).",
    )


def _refusal(account: Account, what: str, advice: str) -> CorpusError:
    return CorpusError("\n".join([f"{what}. {advice}", *(f"  {line}" for line in account.lines())]))
