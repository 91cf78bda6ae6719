"""The definitions of the transforms that look at the distribution, for one row, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from zaoju.contracts import Transform
from zaoju_builtin.decoding.transforms.epsilon import Epsilon
from zaoju_builtin.decoding.transforms.eta import Eta
from zaoju_builtin.decoding.transforms.min_p import MinP
from zaoju_builtin.decoding.transforms.p_less import PLess
from zaoju_builtin.decoding.transforms.top_a import TopA
from zaoju_builtin.decoding.transforms.top_h import TopH
from zaoju_builtin.decoding.transforms.top_k import TopK
from zaoju_builtin.decoding.transforms.top_p import TopP
from zaoju_builtin.decoding.transforms.typical import Typical

Keep = Callable[[Sequence[float], float], set[int]]
"""The tokens that stay of a row, at a value of the option."""

NOTHING = -math.inf


def left(row: Sequence[float]) -> list[int]:
    return [token for token, logit in enumerate(row) if logit > NOTHING]


def shares(row: Sequence[float]) -> list[float]:
    best = max(row)
    weights = [math.exp(logit - best) for logit in row]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def surprises(row: Sequence[float]) -> list[float]:
    """-log p, in nats."""
    best = max(row)
    total = math.log(math.fsum(math.exp(logit - best) for logit in row))
    return [best + total - logit for logit in row]


def entropy(row: Sequence[float]) -> float:
    return math.fsum(share * -math.log(share) for share in shares(row) if share > 0)


def around(value: float) -> tuple[float, float]:
    """Two values so near that only rounding tells them apart; a whole number and a switch are as they are."""
    return (value, value) if isinstance(value, int) else (value * (1 - 1e-12), value * (1 + 1e-12))


def top_k(row: Sequence[float], k: float) -> set[int]:
    ranked = sorted(left(row), key=lambda token: (-row[token], token))
    return set(ranked[: int(k)] if k else ranked)


def min_p(row: Sequence[float], least: float) -> set[int]:
    best = max(row)
    return {token for token in left(row) if math.exp(row[token] - best) >= least}


def top_p(row: Sequence[float], share: float) -> set[int]:
    return _up_to(row, sorted(left(row), key=lambda token: (-row[token], token)), share)


def typical(row: Sequence[float], share: float) -> set[int]:
    expected, surprise = entropy(row), surprises(row)
    return _up_to(row, sorted(left(row), key=lambda token: (abs(surprise[token] - expected), token)), share)


def typical_order_is_clear(row: Sequence[float]) -> bool:
    """Whether no two different logits are so equally far from what is expected that rounding decides."""
    expected, surprise = entropy(row), surprises(row)
    distances = sorted(abs(surprise[token] - expected) for token in {row[token]: token for token in left(row)}.values())
    return all(later - earlier > 1e-12 for earlier, later in pairwise(distances))


def epsilon(row: Sequence[float], cutoff: float) -> set[int]:
    """Where nothing reaches the cutoff, all that are most probable stay."""
    probable = shares(row)
    return {token for token in left(row) if probable[token] >= min(cutoff, max(probable))}


def eta(row: Sequence[float], cutoff: float) -> set[int]:
    return epsilon(row, min(cutoff, math.sqrt(cutoff) * math.exp(-entropy(row))))


def top_a(row: Sequence[float], factor: float) -> set[int]:
    return epsilon(row, factor * max(shares(row)) ** 2)


def p_less(row: Sequence[float], scale: float) -> set[int]:
    """`scale` is 0 for off and 1 for on."""
    return epsilon(row, scale * math.fsum(share**2 for share in shares(row)))


def top_h(row: Sequence[float], share: float) -> set[int]:
    if share >= 1:
        return set(left(row))
    ranked = sorted(left(row), key=lambda token: (-row[token], token))[:100]
    logits = [row[token] for token in ranked]
    most, spent, members = share * entropy(logits), [0.0], ranked[:1]
    for token, part in zip(ranked, shares(logits), strict=True):
        if part == 0:
            break
        spent.append(part * -math.log(part))
        if math.fsum(spent) > most:
            break
        members.append(token)
    return set(members)


def xtc(row: Sequence[float], threshold: float) -> set[int]:
    """What stays when it happens."""
    probable = shares(row)
    likely = [token for token in left(row) if probable[token] >= threshold]
    spared = sorted(likely, key=lambda token: (-row[token], token))[-1:]
    return set(left(row)) - set(likely) | set(spared)


def mirostat(row: Sequence[float], bound: float) -> set[int]:
    """What is not more surprising than the bound, in bits, and the first of the most probable."""
    surprise = surprises(row)
    return {token for token in left(row) if surprise[token] / math.log(2) <= bound} | {row.index(max(row))}


def dynamic_temperature(row: Sequence[float], coldest: float, hottest: float, exponent: float) -> float:
    """The temperature."""
    if len(left(row)) == 1:
        return 1.0
    share = min(entropy(row) / math.log(len(left(row))), 1.0)
    return coldest + (hottest - coldest) * share**exponent


def _up_to(row: Sequence[float], order: Sequence[int], share: float) -> set[int]:
    """The tokens in their order, while the mass before them is below the share; the first always."""
    if share >= 1:
        return set(order)
    probable, members = shares(row), list[int]()
    for token in order:
        if members and math.fsum(probable[member] for member in members) >= share:
            break
        members.append(token)
    return set(members)


FILTERS: dict[str, tuple[Transform, Keep]] = {
    "top_k": (TopK(), top_k),
    "top_p": (TopP(), top_p),
    "min_p": (MinP(), min_p),
    "typical_p": (Typical(), typical),
    "epsilon_cutoff": (Epsilon(), epsilon),
    "eta_cutoff": (Eta(), eta),
    "top_a": (TopA(), top_a),
    "top_h": (TopH(), top_h),
    "p_less": (PLess(), p_less),
}
"""The filters that have one option, by its name."""
