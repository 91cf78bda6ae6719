"""The mechanism on a small grammar of its own, where every text can be listed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from zaoju_builtin.stories.grammar import Grammar
from zaoju_builtin.stories.lexicon import load_grammar
from zaoju_builtin.stories.matching import Matcher
from zaoju_builtin.stories.sampling import derive
from zaoju_builtin.stories.template import TemplateError, parse_template


class PathChooser:
    """Follows a given list of choices, then always takes the first, and remembers what it could have taken."""

    def __init__(self, path: Sequence[int]) -> None:
        self.path = list(path)
        self.taken: list[int] = []
        self.sizes: list[int] = []

    def __call__(self, cumulative: Sequence[float]) -> int:
        choice = self.path[len(self.taken)] if len(self.taken) < len(self.path) else 0
        self.taken.append(choice)
        self.sizes.append(len(cumulative))
        return choice


def every_derivation(grammar: Grammar) -> Iterator[tuple[str, float]]:
    """All derivations, by counting through the choices like an odometer."""
    path: list[int] | None = []
    while path is not None:
        chooser = PathChooser(path)
        yield derive(grammar, chooser)
        path = next_path(chooser)


def next_path(chooser: PathChooser) -> list[int] | None:
    for place in reversed(range(len(chooser.taken))):
        if chooser.taken[place] + 1 < chooser.sizes[place]:
            return [*chooser.taken[:place], chooser.taken[place] + 1]
    return None


def write_grammar(folder: Path, rules: str, words: dict[str, str] | None = None, topics: str = "") -> Grammar:
    for name in ("words", "rules", "topics"):
        (folder / name).mkdir()
    for name, text in (words or {}).items():
        (folder / "words" / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "rules" / "rules.toml").write_text(rules, encoding="utf-8")
    if topics:
        (folder / "topics" / "topics.toml").write_text(topics, encoding="utf-8")
    return load_grammar(folder)


WORDS = {
    "name": "[pronoun=他]\n小明 小刚\n[pronoun=她]\n小红",
    "self": "[pronoun=我]\n我",
    "gift": "# 礼物\n[measure=条]\n围巾 丝巾\n[measure=本]\n书",
}
RULES = """
story = [{ text = "{hero=self}<body>", weight = 1 }, { text = "{hero=name}<body>", weight = 3 }]
body = [
  "{hero}想{topic.wish}。{topic.end}",
  "{hero}和{friend}送我一{gift.measure}{gift}，<ta>爱{gift}。",
  { text = "一{gift.measure}{gift}和一{other.measure}{other}(很好|好|)。", weight = 0.5 },
]
ta = ["{hero.pronoun}"]
[variables]
friend = "name"
other = "gift"
"""
TOPICS = """
[swim]
wish = ["学游泳", "游泳"]
end = ["<ta>会游了。"]
[run]
wish = ["跑步"]
end = ["{hero}跑完了。", "<ta>摔了。"]
"""


def summed(grammar: Grammar) -> dict[str, float]:
    probability: dict[str, float] = defaultdict(float)
    for text, cost in every_derivation(grammar):
        probability[text] += math.exp(cost)
    return probability


def test_probabilities_of_all_texts_sum_to_one_and_are_what_the_matcher_says(tmp_path: Path) -> None:
    grammar = write_grammar(tmp_path, RULES, WORDS, TOPICS)
    texts = summed(grammar)
    matcher = Matcher(grammar)
    assert len(texts) > 50
    assert math.fsum(texts.values()) == pytest.approx(1.0, abs=1e-12)
    for text, probability in texts.items():
        found = matcher.log_probability(text)
        assert found is not None
        assert found == pytest.approx(math.log(probability), abs=1e-12)


def test_the_matcher_sums_the_derivations_of_an_ambiguous_text(tmp_path: Path) -> None:
    rules = 'story = ["<part><part>(乙|)"]\npart = ["甲", "甲甲", { text = "", weight = 2 }, "{word}"]'
    grammar = write_grammar(tmp_path, rules, {"word": "甲 乙"})
    texts = summed(grammar)
    matcher = Matcher(grammar)
    assert math.fsum(texts.values()) == pytest.approx(1.0, abs=1e-12)
    for text, probability in texts.items():
        assert matcher.log_probability(text) == pytest.approx(math.log(probability), abs=1e-12)


def test_variables_agree_and_differ(tmp_path: Path) -> None:
    matcher = Matcher(write_grammar(tmp_path, RULES, WORDS, TOPICS))
    assert matcher.log_probability("小明和小红送我一本书，他爱书。") is not None
    for wrong in (
        "小明和小红送我一本书，她爱书。",
        "小明和小红送我一条书，他爱书。",
        "小明和小红送我一本书，他爱围巾。",
        "小明和小明送我一本书，他爱书。",
        "小明和小红送我一本书，他爱书。。",
        "小明想跑步。他会游了。",
        "",
    ):
        assert matcher.log_probability(wrong) is None, wrong


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('story = ["<nothing>"]', "nothing"),
        ('story = ["{name.measure}"]', "measure"),
        ('story = ["{hero=nobody}"]', "nobody"),
        ('story = ["甲", "甲(乙"]', r"\("),
        ('story = ["甲)"]', "parentheses"),
        ('story = ["甲{乙}"]', "cannot read"),
        ('story = [{ text = "甲", weight = 0 }]', "positive"),
        ('story = [{ text = "甲", wieght = 1 }]', "weight"),
        ("story = []", "empty"),
        ('story = ["(甲|甲)"]', "twice"),
        ('story = ["甲"]\nname = ["乙"]', "twice"),
    ],
)
def test_a_mistake_in_the_data_is_named(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        write_grammar(tmp_path, rules, WORDS)


def test_a_word_twice_in_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="围巾"):
        write_grammar(tmp_path, 'story = ["<gift>"]', {"gift": "围巾 书 围巾"})


def test_nested_alternatives_are_parsed() -> None:
    assert parse_template("(甲(乙|丙)|)丁") != parse_template("(甲乙|丙|)丁")
