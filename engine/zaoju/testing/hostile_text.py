"""Chinese text that breaks careless code. Each piece has a name, which a failing check tells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HOSTILE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "",
        "one character": "想",
        "a sentence": "我想去北京大学看未名湖，他说：“好。”",
        "mixed width": "Ａａ１２３ＡＢＣabc123，,。.！!（(～~　ｱｲｳ",
        "Latin inside Chinese": "用GPT-2写了3.5万字，约70%的iPhone用户don't看",
        "emoji with joiners": "\U0001f469\u200d\U0001f680\U0001f468\u200d\U0001f469\u200d\U0001f467"
        "\U0001f44d\U0001f3fd\u2764\ufe0f\U0001f1e8\U0001f1f3好",
        "rare hanzi of the extensions": "㐀䶵\U00020000\U0002a6df\U0002b740\U00030000𠮷野家龘靐齉爩",
        "compatibility hanzi": "豈更車\U0002f800樂\ufa0e",
        "variation selectors": "葛\U000e0100城辻\U000e0101",
        "combining marks": "e\u0301a\u0308n\u0303 가\u1100\u1161 \u0301孤",
        "line ends": "第一行\n第二行\r\n第三行\r第四行\u2028第五行\u2029\n\n\n末",
        "tabs": "甲\t乙\t\t丙\v丁\f戊",
        "blanks": " 前 后  两个   三个 \u00a0不断\u2003宽 ",
        "ideographic spaces": "\u3000\u3000段首\u3000中\u3000",
        "only white space": " \t\n\u3000\r\n ",
        "control characters": "\0甲\x01乙\x1f\x7f丙\x85\x9f",
        "invisible characters": "\ufeff开\u200b头\u200d\u2060中\u00ad间\u202e反\u202c\ufff9",
        "private use and unassigned": "\ue000想\U000f0000\ufffe\uffff\U0010ffff",
        "only punctuation": "……——，。、；：？！“”‘’《》【】·",
        "a long run": "哈" * 300 + "！" * 200,
        "special tokens as text": "<|endoftext|>想<0x41><unk>[UNK]</s>##字▁▁Ġ我想<|endoftext|>",
        "markup and paths": "<b>想</b> https://例子.中国/?q=1&x=%E6%83%B3 C:\\目录\\文件.txt",
        "other scripts": "ภาษาไทย العربية हिन्दी ひらがなカタカナ 한국어 Ελληνικά",
    }
)
"""Texts by name. All are valid Unicode, as everything is that a reader gives."""

HOSTILE_CHARACTERS = "".join(sorted(set("".join(HOSTILE_TEXTS.values()))))
"""Every character of `HOSTILE_TEXTS`, for random texts."""

_UNBROKEN = "春天来了小明和妈妈一起去公园看花他们走了很远的路又累又高兴回到家里已经是晚上了"


def unbroken_text(length: int = 100_000) -> str:
    """`length` characters of plain Chinese without punctuation, a blank or a line end."""
    return (_UNBROKEN * (length // len(_UNBROKEN) + 1))[:length]
