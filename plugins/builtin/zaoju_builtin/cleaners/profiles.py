"""What good text of each kind measures at least, and at most."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from zaoju_builtin.cleaners.options import QualityOptions


class Profile(NamedTuple):
    """The thresholds of the `quality` cleaner; its options say what each means."""

    minimum_hanzi: int
    minimum_han_share: float
    minimum_common_share: float
    minimum_function_share: float
    minimum_ended_lines: float
    maximum_line_breaks: float
    maximum_separators: float
    maximum_repeated_lines: float
    maximum_repetition: float
    maximum_top_gram: float
    maximum_spam: float
    maximum_replacement: float


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "web": Profile(30, 0.4, 0.75, 0.03, 0.106, 0.11, 0.15, 0.287, 0.25, 0.256, 0.05, 0.002),
        "prose": Profile(20, 0.5, 0.7, 0.03, 0.106, 0.11, 0.12, 0.287, 0.25, 0.256, 0.05, 0.002),
        "classical_poetry": Profile(8, 0.6, 0.5, 0.0, 0.0, 0.26, 0.1, 0.5, 0.4, 0.4, 0.2, 0.0),
        "dialogue": Profile(1, 0.3, 0.7, 0.0, 0.0, 0.35, 0.15, 0.5, 0.4, 0.5, 0.1, 0.002),
    }
)
"""`web` has the numbers that FineWeb-2 chose for cmn_Hani where it measures the same thing: lines, and what is
repeated. It counts words, which take a segmenter. Here a word is taken for 1.6 characters, and runs of ten characters
stand for its runs of five to ten words: statutes repeat up to 0.23 of theirs, so the limit is 0.25 and not 0.198. The
other numbers come from the texts of benchmarks/cleaning.py."""


def profile_of(options: QualityOptions) -> Profile:
    """The profile that the options name, with the thresholds that they set themselves."""
    profile = PROFILES[options.profile]
    own = {name: value for name in Profile._fields if (value := getattr(options, name)) is not None}
    return profile._replace(**own)


SPAM = (
    "博彩 赌场 赌博 百家乐 时时彩 六合彩 老虎机 彩票平台 投注 首存 返水 彩金 葡京 威尼斯人 "
    "太阳城 pk10 北京赛车 快三 斗牛牛 棋牌 炸金花 捕鱼达人 真人娱乐 娱乐城 娱乐场 线上娱乐 "
    "注册送 开户送 体验金 充值送 外围 足彩 竞彩 盘口 赔率 下注 开奖 平特 特码 一肖 代开发票 "
    "开发票 办证 刻章 代办 假证 文凭 刷单 刷钻 兼职日结 日赚 加微信 加QQ 微信号 迷药 催情 "
    "成人用品 一夜情 裸聊 激情视频 无码 偷拍 约炮 外挂 私服 信用卡套现 无抵押贷款 低息贷款 黑户 "
    "网站优化 SEO优化 友情链接 外链 站群"
)
"""Words of spam, apart by blanks. One of them proves nothing; the rule asks how much of a text they fill."""
