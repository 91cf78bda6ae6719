"""The fifteen ways in which decoding goes wrong most often elsewhere, and the tests that would see each of them here.

The list comes from the issues of transformers, vLLM, SGLang and llama.cpp. Tests of the kits run on every
builtin and on every plugin whose author uses the kit.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PITFALLS: dict[str, tuple[str, ...]] = {
    "left padding and positions": (
        "test_rows_join_leave_fork_and_step_in_any_company",
        "test_the_same_text_through_transformers",
    ),
    "a seed that depends on the batch": ("test_in_any_batch", "test_in_any_order", "test_from_several_threads"),
    "bad random numbers": (
        "test_splitmix64_gives_the_published_numbers",
        "test_never_zero_or_one",
        "test_neighbours_are_independent",
        "test_tokens_of_one_text_are_independent",
        "test_texts_of_neighbouring_seeds_are_independent",
    ),
    "a token of probability zero is drawn": (
        "test_a_removed_token_is_never_chosen",
        "test_a_token_of_probability_zero_is_never_drawn",
        "test_rare_tokens_of_a_large_vocabulary_come_too",
    ),
    "the boundary of top-p": ("test_the_boundary_is_exact", "test_against_the_definition", "test_wide_rows"),
    "ties": (
        "test_keeps_exactly_k_the_lower_id_first_among_equals",
        "test_of_equals_transformers_keeps_any_and_zaoju_the_first",
        "test_ties_go_to_the_lower_row_and_then_to_the_lower_token",
    ),
    "penalties that see padding, the prompt or a token twice": (
        "test_padding_of_the_history_is_not_seen",
        "test_the_prompt_counts_where_it_should",
        "test_counts_are_exact_in_long_histories",
    ),
    "stop strings": (
        "test_stop_strings",
        "test_a_match_never_begins_in_the_prompt",
        "test_does_not_depend_on_how_the_text_is_cut",
        "test_holds_back_no_more_than_may_become_a_stop_string",
    ),
    "pieces of characters in a stream": ("test_chunks_are_the_text_and_no_character_is_torn",),
    "rows that go on after their end": (
        "test_the_end_of_the_document_inside_a_draft",
        "test_the_length_asked_for_may_end_a_draft",
        "test_the_context_may_end_a_draft",
    ),
    "plugins that do not hold with drafts": ("test_with_drafts_on_and_off", "test_a_text_is_the_same_in_any_company"),
    "hidden defaults and another order": (
        "test_nothing_acts_that_is_not_written",
        "test_two_options_of_one_name_are_refused",
        "test_hf_has_the_order_of_the_installed_transformers",
        "test_a_plain_model_of_the_system_keeps_the_same",
    ),
    "the rules of beam search": (
        "test_as_wide_as_there_are_texts_it_finds_the_best_of_all",
        "test_one_beam_is_greedy",
        "test_the_score_of_a_beam_is_that_of_its_tokens",
        "test_the_three_ways_to_stop_differ_as_they_should",
        "test_an_end_that_is_ranked_below_the_beams_is_no_text",
    ),
    "state after a fork": (
        "test_a_fork_goes_on_by_itself",
        "test_observing_changes_nothing_that_it_is_given",
        "test_forks_go_on_by_themselves",
    ),
    "constraints on bytes": (
        "test_every_choice_can_be_written_in_every_spelling",
        "test_the_end_is_allowed_only_where_the_text_may_end",
        "test_a_constraint_without_a_way_on",
        "test_raw_log_probabilities_are_the_models_own",
    ),
}


@pytest.fixture(scope="module")
def written() -> set[str]:
    """Every test that there is, in the suite and in the kits."""
    folders = (ROOT / "tests", ROOT / "engine" / "zaoju" / "testing")
    sources = [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]
    return {name for source in sources for name in re.findall(r"^ *def (test_\w+)\(", source, re.MULTILINE)}


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_each_has_its_tests(pitfall: str, written: set[str]) -> None:
    assert set(PITFALLS[pitfall]) <= written, "renamed or gone"


def test_there_are_fifteen(written: set[str]) -> None:
    assert len(PITFALLS) == 15 and "test_a_pitfall_that_nobody_thought_of" not in written
