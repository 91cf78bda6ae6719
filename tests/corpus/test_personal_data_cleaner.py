from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from cleaning import changes, cleaned, cleaner

from zaoju import Dropped

PLACEHOLDERS = {
    "identity_card": "〔身份证号〕",
    "credit_code": "〔信用代码〕",
    "bank_card": "〔银行卡号〕",
    "mobile": "〔手机〕",
    "landline": "〔电话〕",
    "email": "〔邮箱〕",
    "ip_address": "〔IP地址〕",
    "licence_plate": "〔车牌〕",
    "passport": "〔护照号〕",
}
SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
EACH = 300


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def identity_card(rng: random.Random) -> str:
    region = rng.choice(["110101", "440305", "310115", "510104"])
    body = f"{region}{rng.randint(1930, 2015)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}{digits(rng, 3)}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]  # as the standard prints them
    return body + "10X98765432"[sum(int(a) * b for a, b in zip(body, weights, strict=True)) % 11]


def credit_code(rng: random.Random) -> str:
    body = "91" + rng.choice(["110108", "440300"]) + "".join(rng.choices(SIGNS, k=9))
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    return body + SIGNS[-sum(SIGNS.index(a) * b for a, b in zip(body, weights, strict=True)) % 31]


def bank_card(rng: random.Random) -> str:
    body = rng.choice(["622202", "621700", "436742", "552245"]) + digits(rng, 9)
    body += digits(rng, 3) if body.startswith("62") else ""
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def mobile(rng: random.Random) -> str:
    return rng.choice(["138", "139", "150", "177", "186", "199", "166"]) + digits(rng, 8)


def landline(rng: random.Random) -> str:
    area, length = rng.choice([("010", 8), ("021", 8), ("0755", 8), ("0731", 8), ("0951", 7)])
    number = rng.choice("2345678") + digits(rng, length - 1)
    return rng.choice([f"{area}-{number}", f"({area}){number}", f"（{area}）{number}", f"{area} {number}"])


def email(rng: random.Random) -> str:
    name = "".join(rng.choices("abcdefgxyz0123456789._", k=8)).strip(".") or "a"
    return f"w{name}@{rng.choice(['qq.com', 'mail.example.com.cn', '163.com'])}"


def ip_address(rng: random.Random) -> str:
    return f"{rng.choice([8, 61, 114, 202, 220])}.{rng.randint(30, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def licence_plate(rng: random.Random) -> str:
    province = rng.choice("京沪粤川浙苏") + rng.choice("ABCDE")
    return (
        province
        + rng.choice(["", "·", " "])
        + rng.choice([digits(rng, 5), f"D{digits(rng, 5)}", f"8K{digits(rng, 3)}"])
    )


def passport(rng: random.Random) -> str:
    return "护照号码：" + rng.choice([f"E{digits(rng, 8)}", f"G{digits(rng, 8)}", f"EA{digits(rng, 7)}"])


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "identity_card": identity_card,
    "credit_code": credit_code,
    "bank_card": bank_card,
    "mobile": mobile,
    "landline": landline,
    "email": email,
    "ip_address": ip_address,
    "licence_plate": licence_plate,
    "passport": passport,
}


def other_check_digit(number: str) -> str:
    return number[:-1] + str((int(number[-1], 36) + 1) % 10)


def near_misses(rng: random.Random) -> list[str]:
    """What looks like one of the kinds and is none."""
    card, bank, code = identity_card(rng), bank_card(rng), credit_code(rng)
    return [
        other_check_digit(card.replace("X", "1")) if not card.endswith("X") else card[:-1] + "5",
        card[:6] + "20231345" + card[14:],  # month 13
        code[:-1] + SIGNS[(SIGNS.index(code[-1]) + 1) % 31],
        other_check_digit(bank),
        "12" + digits(rng, 9),  # no such prefix
        "138" + digits(rng, 7),  # one digit short
        "138" + digits(rng, 9),  # one too many
        f"0.138{digits(rng, 8)}",
        f"订单2023{digits(rng, 10)}",
        f"{rng.randint(1990, 2030)}-{rng.randint(10, 12)}-{rng.randint(10, 28)} 10:{rng.randint(10, 59)}:00",
        f"400-{digits(rng, 3)}-{digits(rng, 4)}",
        f"版本v{rng.randint(1, 9)}.{rng.randint(0, 90)}.{rng.randint(0, 90)}.{rng.randint(0, 90)}",
        f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        f"{rng.randint(256, 999)}.{rng.randint(0, 255)}.1.{rng.randint(30, 99)}",
        f"京A座{digits(rng, 4)}室",
        f"型号E{digits(rng, 8)}",
        f"ISBN 978-7-{digits(rng, 4)}-{digits(rng, 4)}-{digits(rng, 1)}",
        f"{rng.randint(1, 999)},{digits(rng, 3)},{digits(rng, 3)}元",
        "user@localhost",
        f"sha {''.join(rng.choices('0123456789abcdef', k=40))}",
    ]


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("written", ["plain", "full width"])
def test_generated_numbers_are_found(kind: str, written: str) -> None:
    """At least 98 of 100; each is replaced by the placeholder of its own kind, and nothing around it goes."""
    rng = random.Random(f"{kind} {written}")
    finder = cleaner("personal_data")
    right = 0
    for _ in range(EACH):
        number = MAKERS[kind](rng)
        lead, bare = ("护照号码：", number.removeprefix("护照号码：")) if kind == "passport" else ("", number)
        shown = wide(bare) if written == "full width" else bare
        right += (
            cleaned(finder.clean(f"王芳的是{lead}{shown}，记下了。")) == f"王芳的是{lead}{PLACEHOLDERS[kind]}，记下了。"
        )
    assert right >= 0.98 * EACH


def test_near_misses_stay() -> None:
    """Precision at least 0.99: a number with a wrong check digit is an order number to us."""
    rng = random.Random(7)
    finder = cleaner("personal_data")
    texts = [f"这个是{text}，记下了。" for _ in range(100) for text in near_misses(rng)]
    wrong = [text for text in texts if finder.clean(text) != text]
    assert len(wrong) <= 0.01 * len(MAKERS) * EACH, wrong[:10]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("电话138-1234-5678或+86 139 1234 5678", "电话〔手机〕或〔手机〕"),
        ("Tel13812345678", "Tel〔手机〕"),
        ("13812345678@139.com", "〔邮箱〕"),
        ("座机010-12345678不对，010-62345678-801对", "座机010-12345678不对，〔电话〕对"),
        ("(0755)82345678转12", "〔电话〕转12"),
        ("13812345678、13912345678", "〔手机〕、〔手机〕"),
        ("车牌粤B·12345、京AD12345和沪A8K888", "车牌〔车牌〕、〔车牌〕和〔车牌〕"),
    ],
)
def test_separators_and_neighbours(text: str, after: str) -> None:
    assert cleaned(cleaner("personal_data").clean(text)) == after


def test_kinds_can_be_chosen_and_are_counted() -> None:
    text = "电话13812345678，邮箱wang@example.com，再打13912345678"
    found = cleaner("personal_data").clean(text)
    assert changes(found) == {"mobile": 2, "email": 1}
    assert cleaned(cleaner("personal_data", kinds=["email"]).clean(text)) == text.replace(
        "wang@example.com", "〔邮箱〕"
    )
    assert cleaned(cleaner("personal_data", action="remove").clean(text)) == "电话，邮箱，再打"
    assert cleaner("personal_data", action="drop").clean(text) == Dropped("personal_data")
    assert cleaner("personal_data", action="drop").clean("没有") == "没有"
