"""What a runner can do depends on the model: a Mamba takes no token back, nor does a model with a sliding window."""

from __future__ import annotations

import random
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import gguf  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from transformers import MambaConfig, MambaForCausalLM  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import ArtefactError, Engine, Request, UserError  # noqa: E402
from zaoju.errors import CacheFullError  # noqa: E402

MIXER = {
    "in_proj.weight": "ssm_in.weight",
    "conv1d.weight": "ssm_conv1d.weight",
    "conv1d.bias": "ssm_conv1d.bias",
    "x_proj.weight": "ssm_x.weight",
    "dt_proj.weight": "ssm_dt.weight",
    "dt_proj.bias": "ssm_dt.bias",
    "A_log": "ssm_a",
    "D": "ssm_d",
    "out_proj.weight": "ssm_out.weight",
}


def finish(writer: gguf.GGUFWriter) -> None:
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(support.tokenizer().vocabulary_size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()


def in_gguf(name: str) -> str:
    """llama.cpp's name for a tensor of a Mamba."""
    _, part, *rest = name.split(".")
    if part != "layers":
        return "token_embd.weight" if part == "embeddings" else "output_norm.weight"
    layer, kind, *own = rest
    return f"blk.{layer}." + ("attn_norm.weight" if kind == "norm" else MIXER[".".join(own)])


@pytest.fixture(scope="module")
def mamba() -> MambaForCausalLM:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        numbers = MambaConfig(
            vocab_size=support.tokenizer().vocabulary_size,
            hidden_size=32,
            state_size=8,
            num_hidden_layers=2,
            time_step_rank=4,
            initializer_range=0.3,
        )
        model: MambaForCausalLM = MambaForCausalLM(numbers).eval()  # type: ignore[no-untyped-call]  # of transformers
        return model


@pytest.fixture
def mamba_folder(mamba: MambaForCausalLM, tmp_path: Path) -> Path:
    """As llama.cpp's own converter writes it."""
    writer = gguf.GGUFWriter(tmp_path / "mamba.gguf", "mamba")
    writer.add_context_length(support.CONTEXT)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(2)
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_inner_size(64)
    writer.add_ssm_state_size(8)
    writer.add_ssm_time_step_rank(4)
    writer.add_layer_norm_rms_eps(mamba.config.layer_norm_epsilon)
    for name, tensor in mamba.state_dict().items():
        if name != "lm_head.weight":
            value = -tensor.exp() if name.endswith("A_log") else tensor
            writer.add_tensor(in_gguf(name), (value.squeeze(1) if "conv1d.weight" in name else value).numpy())
    finish(writer)
    support.tokenizer().save(tmp_path)
    return tmp_path


def mamba_logits(mamba: MambaForCausalLM, texts: list[list[int]]) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack([mamba(torch.tensor([text])).logits[0, -1] for text in texts])


def test_a_mamba_keeps_a_state_and_takes_nothing_back(mamba: MambaForCausalLM, mamba_folder: Path) -> None:
    runner = LlamaCppRunner.open(mamba_folder, options=LlamaCppOptions(rows=4))
    assert runner.abilities == {"append", "hidden"}
    assert runner.context_length == support.CONTEXT and runner.row_bytes(9) is None and runner.most_rows(60) == 4
    draw = random.Random(6)
    texts: dict[int, list[int]] = {}
    for _ in range(40):
        action = draw.choice(["join", "append", "append", "fork", "drop"])
        if action == "join" and len(texts) < 4:
            prompt = [draw.randrange(300) for _ in range(draw.randint(1, 9))]
            [row], logits = runner.prefill([prompt])
            texts[row] = prompt
            torch.testing.assert_close(logits, mamba_logits(mamba, [prompt]), rtol=0, atol=1e-4)
        elif action == "append" and texts and max(map(len, texts.values())) < 50:
            rows = draw.sample(list(texts), draw.randint(1, len(texts)))
            new = [[draw.randrange(300) for _ in range(draw.randint(1, 4))] for _ in rows]
            logits = runner.append(rows, new)
            for row, tokens in zip(rows, new, strict=True):
                texts[row] = texts[row] + tokens
            torch.testing.assert_close(logits, mamba_logits(mamba, [texts[row] for row in rows]), rtol=0, atol=1e-4)
        elif action == "fork" and texts:
            row = draw.choice(list(texts))
            if len(texts) == 4:
                with pytest.raises(CacheFullError):
                    runner.fork(row)
            else:
                texts[runner.fork(row)] = texts[row]
        elif action == "drop" and texts:
            row = draw.choice(list(texts))
            runner.drop([row])
            del texts[row]
    runner.drop(list(texts))
    runner.drop(runner.prefill([[1], [2], [3], [4]])[0])


def test_a_mamba_in_the_engine(mamba_folder: Path) -> None:
    """What needs no token taken back works, and drafts are refused before a text begins."""
    engine = Engine.load(mamba_folder, device="cpu", runner={"name": "llamacpp", "rows": 8})
    requests = [Request("我想", strategy=name, seed=1, max_new_tokens=9) for name in ("nucleus", "beam", "contrastive")]
    alone = [engine.generate_batch([request])[0] for request in requests]
    assert [text.text for text in engine.generate_batch(requests)] == [text.text for text in alone]
    with pytest.raises(UserError, match="take back tokens"):
        engine.generate("我想", proposer="prompt_lookup")


@pytest.fixture
def windowed_folder(tmp_path: Path) -> Path:
    """A Gemma 2 of random weights: every other layer sees eight tokens only."""
    generator = torch.Generator().manual_seed(1)
    width, inner, heads, head = 32, 48, 4, 8
    writer = gguf.GGUFWriter(tmp_path / "gemma2.gguf", "gemma2")
    writer.add_context_length(200)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_block_count(2)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_sliding_window(8)
    shapes = {"token_embd": (support.tokenizer().vocabulary_size, width), "output_norm": (width,)}
    for layer in range(2):
        own: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"), (width,)
        )
        own |= dict.fromkeys(("attn_q", "attn_k", "attn_v"), (heads * head, width))
        own |= {"attn_output": (width, heads * head), "ffn_gate": (inner, width), "ffn_up": (inner, width)}
        own["ffn_down"] = (width, inner)
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in own.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (torch.randn(shape, generator=generator) * 0.3).numpy())
    finish(writer)
    return tmp_path


def test_a_sliding_window_takes_nothing_back(windowed_folder: Path) -> None:
    """llama.cpp says that it can, but lets other rows write over what has left the window: here, to wrong logits."""
    runner = LlamaCppRunner.open(windowed_folder, options=LlamaCppOptions(rows=8, context=512))
    assert runner.abilities == {"append", "hidden"}
    prompt = [(7 * place) % 300 for place in range(100)]
    [first, row], _ = runner.prefill([prompt, prompt])
    runner.drop([first])
    [other], _ = runner.prefill([[(5 * place) % 300 for place in range(195)]])
    runner.rewind([row], [6])  # what nobody may ask for
    wrong = runner.step([row], [5])
    runner.drop([row, other])
    [again], right = runner.prefill([[*prompt[:94], 5]])
    assert (wrong - right).abs().max() > 0.01, "llama.cpp has learned to keep what left the window: offer rewind"
    assert torch.allclose(runner.append([again], [[1, 2]]), runner.prefill([[*prompt[:94], 5, 1, 2]])[1], atol=1e-4)
    assert runner.abilities == {"append", "hidden"}


@pytest.mark.parametrize("architecture", ["t5encoder", "t5"])
def test_a_model_with_an_encoder_is_refused(architecture: str, tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "t5.gguf", architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(32)
    writer.add_head_count(2)
    writer.add_block_count(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_relative_attn_buckets_count(8)
    writer.add_decoder_start_token_id(0)
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (support.tokenizer().vocabulary_size, 32)}
    square = ("attn_q", "attn_k", "attn_v", "attn_o", "ffn_down", "ffn_up")
    for part in ("enc",) if architecture == "t5encoder" else ("enc", "dec"):
        crossing = ("cross_attn_norm",) if part == "dec" else ()
        shapes |= {f"{part}.output_norm": (32,), f"{part}.blk.0.attn_rel_b": (8, 2)}
        shapes |= {f"{part}.blk.0.{name}": (32,) for name in ("attn_norm", "ffn_norm", *crossing)}
        shapes |= {f"{part}.blk.0.{name}": (32, 32) for name in square}
        if crossing:
            shapes |= {f"dec.blk.0.cross_attn_{name}": (32, 32) for name in "qkvo"}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", torch.zeros(shape).numpy())
    finish(writer)
    with pytest.raises(ArtefactError, match="no model that continues a text"):
        LlamaCppRunner.open(tmp_path)
