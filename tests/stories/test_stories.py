"""The bundled stories: exact, repeatable, varied, and nothing but stories."""

from __future__ import annotations

import hashlib
import math
import re
import statistics

import pytest

from zaoju_builtin.stories import Story, StoryGrammar
from zaoju_builtin.stories.grammar import walk
from zaoju_builtin.stories.lexicon import load_grammar
from zaoju_builtin.stories.template import Declare, Draw, Mention

SEED = 7
FIRST_THOUSAND = "e91d769131e4cc93763084c84fee8e67dd5f75905cbd74fdca468bacf3605633"


@pytest.fixture(scope="module")
def grammar() -> StoryGrammar:
    return StoryGrammar()


@pytest.fixture(scope="module")
def stories(grammar: StoryGrammar) -> list[Story]:
    return list(grammar.stories(SEED, 6_000))


def test_the_probability_of_a_story_is_exact(grammar: StoryGrammar, stories: list[Story]) -> None:
    for story in stories[:2_000]:
        found = grammar.log_probability(story.text)
        assert found is not None, story.text
        assert math.isclose(found, story.log_probability, abs_tol=1e-9), story.text


def test_stories_depend_on_seed_and_index_alone(grammar: StoryGrammar, stories: list[Story]) -> None:
    assert grammar.story(SEED, 123) == stories[123] == StoryGrammar().story(SEED, 123)
    assert grammar.story(SEED + 1, 123) != stories[123]


def test_the_first_thousand_stories_are_the_ones_they_were(stories: list[Story]) -> None:
    """Whoever changes the grammar changes the corpus: put the new hash here on purpose."""
    text = "\n".join(story.text for story in stories[:1_000])
    assert hashlib.sha256(text.encode()).hexdigest() == FIRST_THOUSAND


def test_no_story_is_the_beginning_of_another(grammar: StoryGrammar, stories: list[Story]) -> None:
    for story in stories[:100]:
        sentences = re.findall(r"[^。！]*[。！]”?", story.text)
        assert "".join(sentences) == story.text
        for length in range(len(sentences)):
            assert not grammar.accepts("".join(sentences[:length]))
        assert not grammar.accepts(story.text + sentences[-1])


def test_a_swapped_pronoun_is_refused(grammar: StoryGrammar, stories: list[Story]) -> None:
    checked = 0
    for story in stories[:300]:
        for pronoun, other in (("他", "她"), ("她", "他")):
            if pronoun in story.text:
                checked += 1
                assert not grammar.accepts(story.text.replace(pronoun, other)), story.text
                assert not grammar.accepts(story.text.replace(pronoun, other, 1)), story.text
    assert checked > 100


def test_the_ending_of_another_wish_is_refused(grammar: StoryGrammar, stories: list[Story]) -> None:
    swim = next(story.text for story in stories if "能游五十米了" in story.text)
    drive = re.compile(r"能游五十米了").sub("拿到了驾照", swim)
    assert grammar.accepts(swim)
    assert not grammar.accepts(drive)


def test_every_part_must_fit_the_others(grammar: StoryGrammar) -> None:
    story = (
        "我想给妈妈烤一个蛋糕。我想给家里人一个惊喜。我准备好鸡蛋和面粉。可是，蛋糕从烤箱里出来就塌了。"
        "爸爸耐心地教我把温度调低一点。蜡烛吹灭了，蛋糕一会儿就吃完了。我挑了一件红色的毛衣，送给帮助过我的人。"
    )
    assert grammar.accepts(story)
    assert grammar.accepts(story.replace("妈妈", "奶奶"))
    assert not grammar.accepts(story.replace("爸爸耐心", "妈妈耐心"))
    assert not grammar.accepts(story.replace("一件红色", "一条红色"))
    assert not grammar.accepts(story.replace("我想给妈妈", "他想给妈妈"))
    assert not grammar.accepts(story.replace("帮助过我的人", "帮助过她的人"))
    assert not grammar.accepts(story.replace("烤一个蛋糕", "写一封信"))
    assert not grammar.accepts(story.replace("可是，", "所以，"))


def test_a_hero_and_a_friend_never_share_a_name(grammar: StoryGrammar, stories: list[Story]) -> None:
    pattern = re.compile(r"([^我“，。]{2,3})想.*，([^，。]+)也替[他她]高兴")
    found = [(story.text, *match.groups()) for story in stories if (match := pattern.match(story.text))]
    assert len(found) > 20
    for text, hero, friend in found:
        assert hero != friend
        assert not grammar.accepts(text.replace(f"{friend}也替", f"{hero}也替"))


@pytest.mark.parametrize("text", ["", "我想", "你好。", "<|endoftext|>", "我想学游泳。" * 20, "�"])
def test_what_is_no_story_is_refused(grammar: StoryGrammar, text: str) -> None:
    assert grammar.log_probability(text) is None


def test_lengths_and_openings(stories: list[Story]) -> None:
    lengths = [len(story.text) for story in stories]
    assert 90 <= statistics.mean(lengths) <= 125
    assert min(lengths) >= 60
    assert sorted(lengths)[len(lengths) * 95 // 100] <= 145
    first_person_wish = sum(story.text.startswith("我想") for story in stories) / len(stories)
    assert 0.15 <= first_person_wish <= 0.25
    assert len({story.text for story in stories}) == len(stories)


def test_thousands_of_words(stories: list[Story]) -> None:
    jieba = pytest.importorskip("jieba")
    words = {word for story in stories for word in jieba.cut(story.text)}
    assert len(words) >= 2_500


def test_every_list_and_every_variable_of_the_data_is_used() -> None:
    grammar = load_grammar()
    forms = [form for words in grammar.lists.values() for entry in words.entries for form in entry.forms.values()]
    nodes = [node for templates in forms for template in templates for node in walk(template)]
    variables = {node.variable for node in nodes if isinstance(node, Mention)}
    lists = {node.list_name for node in nodes if isinstance(node, Draw | Declare)} | set(
        map(grammar.list_of, variables)
    )
    assert set(grammar.lists) - lists == {"story"}
    assert set(grammar.variables) <= variables
