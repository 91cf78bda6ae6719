"""Every kit passes a sound component and catches planted faults, each by the check that is about it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent

SOUND = [
    "TestSoundSegmenter",
    "TestFunction",
    "TestSharingAndSayingSo",
    "TestSoundVocabulary",
    "TestSoundReader",
    "TestSoundCleaner",
    "TestWithin",
    "TestSoundSelector",
]

FAULTS = {
    "TestWidthChanging": ("test_no_hostile_text_is_lost", "changes the text"),
    "TestDropping": ("test_no_hostile_text_is_lost", "changes the text"),
    "TestDicing": ("test_the_same_text_gives_the_same_pieces", "other pieces for the same text"),
    "TestRemembering": ("test_another_process_cuts_the_same", "remembers earlier texts"),
    "TestByHash": ("test_another_process_cuts_the_same", "order of a set"),
    "TestRecursive": ("test_long_text_without_punctuation", "recursion"),
    "TestOtherBatch": ("test_a_batch_is_cut_as_single_texts_are", "segment_batch() gave other pieces"),
    "TestSharing": ("test_threads_cut_the_same", "several threads"),
    "TestUndescribed": (
        "test_every_option_has_a_description",
        "SilentOptions: write Field(description=...) for length",
    ),
    "TestHeavy": ("test_options_and_registration_import_nothing_heavy", "must not import numpy"),
    "TestUnsaid": ("test_no_hostile_text_is_lost", "must say which component it checks"),
    "TestWrongKind": ("test_no_hostile_text_is_lost", "which is no Segmenter"),
    "TestWithUnknown": ("test_every_hostile_text_comes_back", "came back as"),
    "TestLearning": ("test_the_engines_special_token_is_not_learned", "was learned as a token"),
    "TestShuffled": ("test_the_same_documents_give_the_same_tokenizer", "another tokenizer"),
    "TestCrossing": ("test_tokens_do_not_cross_pieces", "龘靐"),
    "TestUnordered": ("test_reading_again_gives_the_same", "other documents the second time"),
    "TestReadOnce": ("test_reading_again_gives_the_same", "other documents"),
    "TestDrifting": ("test_the_fingerprint_stays", "changes when the source has been read"),
    "TestNameless": ("test_everything_names_its_source", "does not say where it came from"),
    "TestOnlyOnce": ("test_cleaning_again_changes_nothing", "already clean"),
    "TestWordy": ("test_it_gives_text_or_a_reason", "no short rule name"),
    "TestCounting": ("test_the_same_text_is_cleaned_the_same", "the second time"),
    "TestInPlace": ("test_the_input_is_not_changed", "wrote to its input: logits"),
    "TestAcrossRows": ("test_rows_do_not_see_one_another", "alone, a row is another"),
    "TestEmptying": ("test_no_row_is_emptied", "no token is left"),
    "TestNoisy": ("test_no_global_generator_is_used", "global generator of torch"),
    "TestNotNeutral": ("test_the_neutral_value_changes_nothing", "neutral options change the row"),
    "TestReviving": ("test_removed_tokens_stay_removed", "a removed token is back"),
    "TestNotANumber": ("test_nothing_is_not_a_number", "NaN or +inf"),
    "TestDoubling": ("test_shape_and_type_stay", "torch.float64"),
    "TestAccumulating": ("test_the_same_call_gives_the_same_bits", "second call"),
    "TestSeesPadding": ("test_padding_of_the_history_is_not_seen", "history that is not valid"),
    "TestSetting": ("test_global_settings_do_not_matter", "global setting: gradients"),
    "TestFavouring": ("test_keeps_argmax_is_true", "most probable token is another"),
    "TestForgotten": ("test_options_and_neutral_values_agree", "each option needs a neutral value"),
    "TestTakesRemoved": ("test_a_removed_token_is_never_chosen", "-inf was chosen"),
    "TestGlobalDraw": ("test_no_global_generator_is_used", "global generator of torch"),
    "TestSameForAll": ("test_rows_do_not_see_one_another", "order changes the choice"),
    "TestNarrow": ("test_one_token_id_per_row", "torch.int32"),
    "TestMasking": ("test_the_input_is_not_changed", "wrote to its input: logits"),
}
"""Of each faulty component the check that must fail, and a part of what it must say."""

Failures = Mapping[str, Mapping[str, str]]
"""Of each class the checks that failed, with all that they said."""


def faulty_classes() -> dict[str, Path]:
    """Every test class that is not collected by itself, and its file."""
    files = sorted(HERE.glob("faulty_*.py"))
    return {name: file for file in files for name in re.findall(r"^class (Test\w+)", file.read_text("utf-8"), re.M)}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Failures:
    """What pytest says when an author runs it: all checks on the sound ones, of the faulty ones the named check."""
    report = tmp_path_factory.mktemp("kits") / "report.xml"
    file_of = faulty_classes()
    chosen = [f"{file_of[name]}::{name}" for name in SOUND]
    chosen += [f"{file_of[name]}::{name}::{check}" for name, (check, _) in FAULTS.items()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", str(report), *chosen]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.attrib["name"].partition("[")[0]
        of_class = found[case.attrib["classname"].rpartition(".")[2]]
        said = "".join(f"{item.get('message')} {item.text}" for item in case if item.tag in ("failure", "error"))
        if said:
            of_class[name] = of_class.get(name, "") + said
    return found


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_component_passes(name: str, failures: Failures) -> None:
    assert failures[name] == {}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_its_check(name: str, failures: Failures) -> None:
    check, part_of_message = FAULTS[name]
    assert part_of_message in failures[name].get(check, "")


def test_every_one_was_run(failures: Failures) -> None:
    assert set(failures) == {*SOUND, *FAULTS} == set(faulty_classes())
