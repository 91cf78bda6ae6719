"""Numbers that carry their own proof: check digits and real dates."""

from __future__ import annotations

from datetime import date
from ipaddress import AddressValueError, IPv4Address

_CREDIT_CODE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_identity_card(number: str) -> bool:
    """18 signs with a date of birth and the check digit of GB 11643 (ISO 7064 MOD 11-2)."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighted = sum(int(digit) * (1 << (17 - place)) for place, digit in enumerate(number[:17]))
    return born.year >= 1880 and "10X98765432"[weighted % 11] == number[17].upper()


def is_credit_code(code: str) -> bool:
    """18 signs with the check sign of GB 32100: 统一社会信用代码."""
    values = [_CREDIT_CODE_SIGNS.find(sign) for sign in code]
    if min(values) < 0:
        return False
    weighted = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
    return (31 - weighted % 31) % 31 == values[17]


def is_bank_card(number: str) -> bool:
    """The check digit of ISO 7812, by Luhn's rule."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_public_address(address: str) -> bool:
    """An IPv4 address that somebody can have: neither private nor reserved.

    Four small numbers, such as 4.0.1.12, are the number of a version or a section more often than an address.
    """
    try:
        found = IPv4Address(address)
    except AddressValueError:
        return False
    return found.is_global and max(found.packed) >= 30
