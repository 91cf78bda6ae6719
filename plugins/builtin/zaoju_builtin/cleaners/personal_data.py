"""Numbers and addresses that belong to a person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from zaoju import Cleaned, Cleaner, Dropped
from zaoju_builtin.cleaners.identifiers import is_bank_card, is_credit_code, is_identity_card, is_public_address
from zaoju_builtin.cleaners.options import PersonalDataOptions

_CONTEXT = 12
"""So many characters before a number may say what it is."""

# Everything personal stands in a run of these: what else is in a text is passed over at the speed of `re`.
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_WIDE_SIGNS = "０-９Ａ-Ｚａ-ｚ＠．－＿（）＋／：　"
_RUN = re.compile(f"[!-~ ·•–—−‐‑{_WIDE_SIGNS}{_PROVINCES}挂学警港澳]{{6,}}")
_FOLD = str.maketrans(
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(map(ord, "·•–—−‐‑"), "-") | {0x3000: " "}
)
_WORTH_A_LOOK = re.compile(r"@|(?:[0-9][^0-9]{0,3}){4}")

_BEFORE = r"(?<![0-9A-Za-z])(?<![0-9][.\-])"
_AFTER = r"(?![0-9A-Za-z])(?![.\-][0-9])"


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of number: where it may stand, and what proves it."""

    placeholder: str
    pattern: re.Pattern[str]
    proof: Callable[[str], bool] | None = None
    """Asked about the number without separators."""
    before: re.Pattern[str] | None = None
    """What must stand before it."""
    not_before: re.Pattern[str] | None = None
    """What must not stand before it."""


def _pattern(number: str) -> re.Pattern[str]:
    return re.compile(_BEFORE + number + _AFTER)


_RULES = {
    "email": _Rule(
        "〔邮箱〕",
        re.compile(
            r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_%+](?:[A-Za-z0-9._%+\-]{0,62}[A-Za-z0-9_%+\-])?"
            r"@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
        ),
    ),
    "identity_card": _Rule(
        "〔身份证号〕",
        _pattern(r"[1-8][0-9]{5}[ \-]?[12][0-9]{3}[ \-]?[01][0-9][ \-]?[0-3][0-9][ \-]?[0-9]{3}[0-9Xx]"),
        is_identity_card,
    ),
    "credit_code": _Rule("〔信用代码〕", _pattern(r"[159ANY][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"), is_credit_code),
    "bank_card": _Rule(
        "〔银行卡号〕",
        _pattern(
            r"(?:62[0-9]{2}(?:[ \-]?[0-9]{4}){3}(?:[ \-]?[0-9]{1,3})?"
            r"|(?:4[0-9]|5[1-5]|35|60|2[2-7])[0-9]{2}(?:[ \-]?[0-9]{4}){3})"  # only UnionPay has more than 16 digits
        ),
        is_bank_card,
    ),
    "mobile": _Rule(
        "〔手机〕",
        re.compile(
            rf"(?:{_BEFORE}|(?<=[Tt][Ee][Ll])|(?<=[Qq]{{2}}))(?:(?:\+|00)?\(?86\)?[ \-]?)?"
            rf"1(?:3[0-9]|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[ \-]?[0-9]{{4}}[ \-]?[0-9]{{4}}{_AFTER}"
        ),
    ),
    "landline": _Rule(
        "〔电话〕",
        re.compile(
            r"(?<![0-9A-Za-z])(?<![0-9][.\-])(?:(?:\+|00)86[ \-]?)?"
            r"(?:\(0?(?:10|2[0-57-9]|[3-9][0-9]{2})\)[ \-]?|0(?:10|2[0-57-9]|[3-9][0-9]{2})[ \-]?)"
            r"[2-8][0-9]{2,3}[ \-]?[0-9]{4}(?:(?:[ \-]?转[ ]?|-)[0-9]{1,5})?(?![0-9A-Za-z])"
        ),
    ),
    "ip_address": _Rule(
        "〔IP地址〕",
        re.compile(r"(?<![0-9A-Za-z.\-])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z\-])(?!\.[0-9])"),
        is_public_address,
        not_before=re.compile(r"(?:[vV]|版本|版|第|[vV]ersion|节|章|条)[:： ]?$"),
    ),
    "licence_plate": _Rule(
        "〔车牌〕",
        re.compile(
            f"[{_PROVINCES}]"
            r"[ \-]?[A-HJ-NP-Z][ \-]?"
            r"(?:[0-9](?=[0-9A-HJ-NP-Z]{0,3}[0-9])[0-9A-HJ-NP-Z]{3}[0-9A-HJ-NP-Z挂学警港澳]"
            r"|[A-HJ-NP-Z](?=[A-HJ-NP-Z]?[0-9]{2})[0-9A-HJ-NP-Z]{3}[0-9A-HJ-NP-Z挂学警港澳]"
            r"|[A-HJ-NP-Z][0-9A-HJ-NP-Z][0-9]{4}|[0-9]{5}[A-HJ-NP-Z])(?![0-9A-Za-z])"
        ),
    ),
    "passport": _Rule(
        "〔护照号〕",
        _pattern(
            r"(?:E[0-9A-HJ-NP-Z][0-9]{7}|[GDSP][0-9]{8}|[DSP]E?[0-9]{7}|[HM][0-9]{8}(?:[0-9]{2})?|1[45][0-9]{7}"
            r"|K[0-9]{8})"
        ),
        before=re.compile(r"(?:护照|通行证|證件|证件|[Pp]assport|PASSPORT).{0,8}$", re.DOTALL),
    ),
}


class PersonalDataCleaner(Cleaner[PersonalDataOptions]):
    """Replaces what names or reaches a person: numbers with a proof where there is one, and mail and network addresses.

    Identity cards need a real date and the check digit, credit codes and bank cards their check digits, mobile numbers
    a prefix that is in use, passports a word before them that says so. Full-width digits and separators make no
    difference. Names and postal addresses are not found: that takes a model.
    """

    def clean(self, text: str) -> str | Cleaned | Dropped:
        """The text with placeholders, and how many of each kind; or `personal_data`."""
        changes = Counter[str]()
        while (replaced := _RUN.sub(lambda run: self._without(run, changes), text)) != text:
            if self.options.action == "drop":
                return Dropped("personal_data")
            text = replaced
        return Cleaned(text, dict(changes)) if changes else text

    def _without(self, run: re.Match[str], changes: Counter[str]) -> str:
        folded = run[0].translate(_FOLD)
        if not _WORTH_A_LOOK.search(folded):
            return run[0]
        context = run.string[max(0, run.start() - _CONTEXT) : run.start()]
        kept, kept_folded = run[0], folded
        for kind in _RULES:
            if kind in self.options.kinds:
                kept, kept_folded = self._replace(kind, kept, kept_folded, context, changes)
        return kept

    def _replace(self, kind: str, text: str, folded: str, context: str, changes: Counter[str]) -> tuple[str, str]:
        """The run without numbers of one kind, as it stands and folded: both have the same length all the time."""
        rule = _RULES[kind]
        placeholder = rule.placeholder if self.options.action == "replace" else ""
        pieces: list[str] = []
        pieces_folded: list[str] = []
        done = 0
        for found in rule.pattern.finditer(folded):
            if not _holds(rule, found[0], context + folded[: found.start()]):
                continue
            pieces += [text[done : found.start()], placeholder]
            pieces_folded += [folded[done : found.start()], placeholder]
            done = found.end()
            changes[kind] += 1
        if not done:
            return text, folded
        return "".join([*pieces, text[done:]]), "".join([*pieces_folded, folded[done:]])


def _holds(rule: _Rule, found: str, before: str) -> bool:
    nearby = before[-_CONTEXT:]
    if rule.before is not None and not rule.before.search(nearby):
        return False
    if rule.not_before is not None and rule.not_before.search(nearby):
        return False
    if rule.proof is None:
        return True
    return rule.proof(found if "." in found else re.sub(r"[^0-9A-Za-z]", "", found))
