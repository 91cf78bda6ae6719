"""zaoju.extend: a larger model that scores old text as before, loads in transformers and trains on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PhiConfig, PhiForCausalLM

import zaoju
from support.small_vocabularies import pair_tokenizer, save_small_model, word_tokenizer
from zaoju.contracts import Event, Notice
from zaoju.models import Extension, load_model

WORDS = ["我想", "北京", "人工智能", "春天来"]
OLD_TEXT = "春江潮水连海平, the cat"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    save_small_model(folder, pair_tokenizer())
    return folder


def hash_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def matrices(folder: Path) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in load_model(folder, "cpu").token_parameters()]


@pytest.mark.parametrize(
    "initialiser", ["mean_of_parts", "weighted_parts", "last_part", "composed", "normal", "random"]
)
def test_old_rows_stay_and_new_ones_differ(base: Path, tmp_path: Path, initialiser: str) -> None:
    made = zaoju.extend(base, tmp_path / "new", words=WORDS, initialiser=initialiser, config={})
    [before], [after] = matrices(base), matrices(made.folder)
    assert torch.equal(after[: len(before)], before)
    used = after[: made.tokens_before + made.tokens_added]
    assert len(torch.unique(used, dim=0)) == len(used)
    assert len(after) == made.rows == -(-len(used) // 64) * 64


def test_it_loads_in_transformers_with_equal_ids_and_logits(base: Path, tmp_path: Path) -> None:
    made = zaoju.extend(base, tmp_path / "new", words=WORDS, config={})
    engine = zaoju.Engine.load(made.folder, device="cpu")
    ids = engine.tokenizer.encode("我想去北京看春天来了")
    assert AutoTokenizer.from_pretrained(made.folder)("我想去北京看春天来了").input_ids == ids
    network = AutoModelForCausalLM.from_pretrained(made.folder)
    with torch.no_grad():
        logits = torch.log_softmax(network(torch.tensor([ids])).logits[0], dim=-1)
    [score] = engine.runner.score([ids])
    assert torch.allclose(score, logits[torch.arange(len(ids) - 1), torch.tensor(ids[1:])], atol=1e-4)


def test_padding_is_never_the_most_probable_nor_generated(base: Path, tmp_path: Path) -> None:
    made = zaoju.extend(base, tmp_path / "new", words=WORDS, multiple=256, config={})
    used = made.tokens_before + made.tokens_added
    padding = range(used, made.rows)
    assert len(padding) > 64
    network = AutoModelForCausalLM.from_pretrained(made.folder)
    with torch.no_grad():
        logits = network(torch.arange(60)[None]).logits[0]
    assert bool((logits[:, used:].amax(dim=1) < logits[:, :used].amax(dim=1)).all())
    assert network.generation_config.suppress_tokens == list(padding)
    torch.manual_seed(0)
    written = network.generate(torch.tensor([[5]]), do_sample=True, temperature=50.0, max_length=60, top_k=0)
    assert int(written.max()) < used
    engine = zaoju.Engine.load(made.folder, device="cpu")
    text = engine.generate("我想", seed=1, temperature=50.0, top_p=1.0, max_new_tokens=40)
    assert max(text.token_ids) < used


def test_padding_that_is_there_is_used_first(base: Path, tmp_path: Path) -> None:
    padded = zaoju.extend(base, tmp_path / "padded", words=["我想"], multiple=256, config={})
    again = zaoju.extend(padded.folder, tmp_path / "again", words=["北京"], multiple=1, config={})
    assert again.rows == padded.rows
    assert Extension.read(again.folder) == Extension(
        again.tokens_before, again.tokens_before + again.tokens_added, "mean_of_parts"
    )


@pytest.mark.parametrize("tied", [True, False])
def test_llama_with_and_without_a_head_of_its_own(tmp_path: Path, tied: bool) -> None:
    tokenizer = word_tokenizer()
    numbers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=tokenizer.vocabulary_size, tie_word_embeddings=tied, **numbers)
    LlamaForCausalLM(config).save_pretrained(tmp_path / "old")
    tokenizer.save(tmp_path / "old")
    made = zaoju.extend(tmp_path / "old", tmp_path / "new", words=WORDS, config={})
    before, after = matrices(tmp_path / "old"), matrices(made.folder)
    assert len(before) == len(after) == (1 if tied else 2)
    for old, new in zip(before, after, strict=True):
        assert torch.equal(new[: len(old)], old)
        assert bool((new[len(old) :].abs().amax(dim=1) > 0).all())


def test_a_bias_of_the_head_is_the_mean_of_the_parts(tmp_path: Path) -> None:
    tokenizer = pair_tokenizer()
    numbers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    network = PhiForCausalLM(PhiConfig(vocab_size=tokenizer.vocabulary_size, tie_word_embeddings=False, **numbers))
    torch.nn.init.normal_(network.lm_head.bias)
    network.save_pretrained(tmp_path / "old")
    tokenizer.save(tmp_path / "old")
    made = zaoju.extend(tmp_path / "old", tmp_path / "new", words=["我想"], config={})
    _, _, old = matrices(tmp_path / "old")
    _, _, new = matrices(made.folder)
    [token] = zaoju.Tokenizer.load(made.folder, zaoju.discover_plugins({})).encode("我想")
    assert new[token] == pytest.approx(float(old[tokenizer.encode("我想")].mean()))


def test_the_same_again_gives_the_same_bytes(base: Path, tmp_path: Path) -> None:
    first, second = (zaoju.extend(base, tmp_path / name, words=WORDS, config={}).folder for name in ("a", "b"))
    assert hash_of(first) == hash_of(second)


def test_from_files_and_from_what_the_configuration_trains_on(base: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"第{number}天，我想去北京大学看春天的花。" for number in range(60)), "utf-8")
    files = zaoju.extend(base, tmp_path / "files", corpus=[text], size=20, config={})
    config = {
        "run": str(tmp_path / "run"),
        "corpus": {"readers": [{"name": "text", "paths": [str(text)]}]},
        "model": {"init_from": str(tmp_path / "trained on")},
    }
    trained = zaoju.extend(base, tmp_path / "trained on", size=20, config=config)
    for made in (files, trained):
        assert 0 < made.tokens_added <= 20
        assert made.characters_per_token > made.characters_per_token_before


@pytest.mark.parametrize("words", [None, WORDS])
def test_an_initialiser_learns_from_the_corpus(base: Path, tmp_path: Path, words: list[str] | None) -> None:
    """Beside a list of words too, and what a reader notices is told once, however often the corpus is read."""
    text = tmp_path / "text.txt"
    text.write_bytes("\n\n".join(f"第{number}天，我想去北京看春天的花。" for number in range(60)).encode("gb18030"))
    asked = {"words": words} if words else {"size": 20}
    events: list[Event] = []
    rows = []
    for name in ("similar_tokens", "mean_of_parts"):
        corpus = None if words and name == "mean_of_parts" else [text]
        made = zaoju.extend(
            base, tmp_path / name, corpus=corpus, initialiser=name, config={}, on_event=events.append, **asked
        )  # type: ignore[arg-type]
        rows.append(matrices(made.folder)[0])
        if name == "similar_tokens":
            assert len([event for event in events if isinstance(event, Notice)]) == 1
    similar, mean = rows
    assert not torch.equal(similar, mean)
    assert torch.equal(similar[: made.tokens_before], mean[: made.tokens_before])


def test_a_run_trains_new_rows_first_and_writes(base: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(f"我想去北京看花，第{number}天。" for number in range(80)), "utf-8")
    made = zaoju.extend(base, tmp_path / "new", words=WORDS, config={})
    config = {
        "run": str(tmp_path / "run"),
        "corpus": {"readers": [{"name": "text", "paths": [str(text)]}]},
        "model": {"init_from": str(made.folder)},
        "trainer": {"name": "lean", "steps": 8, "batch_size": 2, "new_rows_first": 0.5},
        "evaluation": {"samples": 0, "max_new_tokens": 8},
    }
    result = zaoju.run(config)
    assert not (result.model / "extension.json").exists()
    assert zaoju.open_writer(result.model, config=config).write(["我想"])[0].text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "say how many tokens"),
        ({"words": ["我想"], "corpus": ["x"]}, "give one of the two.*'mean_of_parts' reads no corpus"),
        ({"words": ["我想"], "initialiser": "similar_tokens"}, "learns from a corpus: give one"),
        ({"words": ["我想"], "size": 0}, "at least 1"),
        ({"words": ["the cat 1"]}, "not one token would be added.*parts it first"),
        ({"words": ["我想"], "initialiser": "mean_of_part"}, "did you mean 'mean_of_parts'|mean_of_parts"),
        ({"words": ["我想"], "initialiser": {"name": "composed", "ridge": -1}}, "ridge"),
        ({"words": Path("no such list.txt")}, "no such list.txt"),
        ({"corpus": ["no such folder"], "size": 9}, "no such folder"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    base: Path, tmp_path: Path, asked: dict[str, object], message: str
) -> None:
    with pytest.raises(zaoju.UserError, match=message):
        zaoju.extend(base, tmp_path / "new", config={}, **asked)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_it_never_overwrites(base: Path) -> None:
    with pytest.raises(zaoju.UserError, match="exists already"):
        zaoju.extend(base, base, words=WORDS, config={})


def test_a_tokenizer_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    save_small_model(folder, pair_tokenizer())
    larger = zaoju.extend(base, tmp_path / "larger", words=WORDS, config={})
    for path in larger.folder.glob("tokenizer*"):
        (folder / path.name).write_bytes(path.read_bytes())
    with pytest.raises(zaoju.ArtefactError, match="do not belong together"):
        zaoju.extend(folder, tmp_path / "new", words=["上海"], config={})
    assert not (tmp_path / "new").exists()


def test_a_damaged_record_is_told(base: Path, tmp_path: Path) -> None:
    made = zaoju.extend(base, tmp_path / "new", words=WORDS, config={})
    record = json.loads((made.folder / "extension.json").read_text("utf-8"))
    (made.folder / "extension.json").write_text(json.dumps({**record, "first_new": "x"}), "utf-8")
    with pytest.raises(zaoju.ArtefactError, match="damaged"):
        Extension.read(made.folder)
