"""A converted folder gives the logits of the folder; what cannot be converted right is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import gguf  # noqa: E402
import llama_cpp  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from zaoju_llamacpp.convert import convert, main  # noqa: E402
from zaoju_llamacpp.native_log import native_log  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions, Precision  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import ArtefactError  # noqa: E402
from zaoju.models import CausalLM  # noqa: E402

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
VARIANTS: dict[str, Callable[[], CausalLM]] = {
    "gpt2": support.gpt2,
    "gpt2 with a head of its own": lambda: support.gpt2(tie_word_embeddings=False),
    "gpt2 with another inner width": lambda: support.gpt2(n_inner=40),
    "llama": support.transformers_model,
    "llama tied": lambda: support.transformers_model(tie_word_embeddings=True),
    "llama with biases": lambda: support.transformers_model(attention_bias=True, mlp_bias=True),
    "llama with wide heads": lambda: support.transformers_model(head_dim=32),
    "llama 3.1": lambda: support.transformers_model(rope_parameters=LLAMA3),
    "llama stretched": lambda: support.transformers_model(rope_parameters=LINEAR),
    "llama of another base": lambda: support.transformers_model(
        rope_parameters={"rope_type": "default", "rope_theta": 500.0}
    ),
    "qwen2": lambda: support.transformers_model("qwen2"),
    "qwen3": lambda: support.transformers_model("qwen3", head_dim=32),
    "qwen3 tied": lambda: support.transformers_model("qwen3", tie_word_embeddings=True, head_dim=16),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A GPT-2, and the place of the tests that change it."""
    return support.saved(support.gpt2(), tmp_path / "model")


def change_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **values}), "utf-8")


def last_logits(folder: Path, **options: object) -> torch.Tensor:
    runner = LlamaCppRunner.open(folder, options=LlamaCppOptions.model_validate(options))
    return runner.prefill([[5, 6, 7, 8] * 12, [9, 3]])[1]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_gives_the_logits_of_the_folder(name: str, tmp_path: Path) -> None:
    """A GPT-2 differs by the table of GELU, the others by rounding; fewer bits, more."""
    model = VARIANTS[name]()
    folder = support.saved(model, tmp_path)
    texts = [[5, 6, 7, 8] * 12, [9, 3]]
    expected = torch.stack([support.next_logits(model, text) for text in texts])
    spread = float(expected.std())
    exact = 3e-3 if name.startswith("gpt2") else 1e-4
    for precision, tolerance in (("f32", exact), ("f16", 0.03 * spread), ("q8_0", 0.4 * spread)):
        given = last_logits(folder, precision=precision)
        torch.testing.assert_close(given, expected, rtol=0, atol=tolerance)


def read(path: Path) -> dict[str, tuple[str, np.ndarray]]:
    """The kind and the bytes of every tensor in a GGUF file."""
    return {tensor.name: (tensor.tensor_type.name, tensor.data) for tensor in gguf.GGUFReader(path).tensors}


@pytest.mark.parametrize("precision", ["f16", "q8_0"])
@pytest.mark.parametrize("name", ["gpt2", "gpt2 with another inner width", "llama with biases"])
def test_fewer_bits_are_those_of_llama_cpp_itself(name: str, precision: Precision, tmp_path: Path) -> None:
    """llama.cpp quantises our 32-bit file to the very bits that we write."""
    folder = support.saved(VARIANTS[name](), tmp_path)
    convert(folder, tmp_path / "f32.gguf", "f32")
    convert(folder, tmp_path / "ours.gguf", precision)
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.nthread = 1
    parameters.ftype = {"f16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16, "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0}[precision]
    with native_log().kept() as said:
        paths = [str(tmp_path / name).encode() for name in ("f32.gguf", "theirs.gguf")]
        assert llama_cpp.llama_model_quantize(*paths, parameters) == 0, said
    ours, theirs = read(tmp_path / "ours.gguf"), read(tmp_path / "theirs.gguf")
    assert {name: kind for name, (kind, _) in ours.items()} == {name: kind for name, (kind, _) in theirs.items()}
    for tensor, (_, data) in ours.items():
        assert np.array_equal(data, theirs[tensor][1]), tensor
    assert (precision.upper() in {kind for kind, _ in ours.values()}) and "F32" in {kind for kind, _ in ours.values()}


def test_the_command(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.gguf"
    command = [sys.executable, "-m", "zaoju_llamacpp.convert"]
    done = subprocess.run([*command, folder, out, "--precision", "q8_0"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{out}: q8_0, ")
    assert {kind for kind, _ in read(out).values()} == {"Q8_0", "F32"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (folder / "config.json").unlink()
    done = subprocess.run([*command, folder, out], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and "must hold config.json" in done.stderr
    assert out.is_file(), "what was there stays where nothing takes its place"


def test_old_and_split_folders(folder: Path, tmp_path: Path) -> None:
    """OpenAI's own names, masks that are no weights, a tied head saved all the same, two files with an index."""
    expected = last_logits(folder, keep_converted=False)
    weights = load_file(folder / "model.safetensors")
    old = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    old["lm_head.weight"] = weights["transformer.wte.weight"].clone()
    (folder / "model.safetensors").unlink()
    names = sorted(old)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, some in parts.items():
        save_file({name: old[name] for name in some}, folder / file)
    index = {"weight_map": {name: file for file, some in parts.items() for name in some}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    assert torch.equal(last_logits(folder, keep_converted=False), expected)


def test_weights_in_sixteen_bits(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor.bfloat16() for name, tensor in weights.items()}, folder / "model.safetensors")
    halved = last_logits(folder, keep_converted=False)
    save_file({name: tensor.bfloat16().float() for name, tensor in weights.items()}, folder / "model.safetensors")
    assert torch.equal(last_logits(folder, keep_converted=False), halved)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "bloom"}, r"'bloom'.*convert_hf_to_gguf"),
        ({"activation_function": "relu"}, "activation_function 'relu'"),
        ({"scale_attn_weights": False}, "scale_attn_weights False"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx True"),
        ({"n_layer": 3}, "do not agree.*missing or unknown, the first is 'transformer.h.2"),
        ({"n_layer": 1}, "do not agree.*missing or unknown, the first is 'transformer.h.1"),
        ({"n_head": "four"}, "n_head must be a whole number"),
    ],
)
def test_a_gpt2_that_would_come_out_wrong_is_refused(folder: Path, changes: dict[str, object], words: str) -> None:
    change_config(folder, **changes)
    with pytest.raises(ArtefactError, match=words):
        convert(folder, folder / "out.gguf")
    assert not list(folder.glob("*.gguf")) and not list(folder.glob(".*.partial"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "positions by 'yarn'"),
        ({"model_type": "qwen2", "use_sliding_window": True}, "use_sliding_window"),
        ({"model_type": "qwen2", "rope_parameters": LLAMA3}, "llama3, which llama.cpp does not know for qwen2"),
    ],
)
def test_a_llama_that_would_come_out_wrong_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    change_config(support.saved(support.transformers_model(), tmp_path), **changes)
    with pytest.raises(ArtefactError, match=words):
        convert(tmp_path, tmp_path / "out.gguf")


def test_damaged_weights(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactError, match="damaged or cut off"):
        convert(folder, folder / "out.gguf")


def test_numbers_that_sixteen_bits_cannot_hold(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["transformer.h.1.mlp.c_fc.weight"][3, 4] = 70_000.0
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ArtefactError, match=r"h\.1\.mlp\.c_fc\.weight has numbers beyond 65,504"):
        convert(folder, folder / "out.gguf", "f16")
    assert not list(folder.glob("*.gguf")) and not list(folder.glob(".*.partial"))


def test_a_place_that_cannot_be_written_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), str(folder / "nowhere" / "out.gguf")]) == 2
    assert "cannot be written" in capsys.readouterr().err
