"""Which file a folder stands for, what is kept in it, and what is refused."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import pytest  # noqa: E402
import torch  # noqa: E402
from pydantic import ValidationError  # noqa: E402
from zaoju_llamacpp.convert import convert  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import ArtefactError, Engine, PluginError, PluginManager, Runner, UserError  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What training leaves."""
    return support.saved(support.gpt2(), tmp_path / "model")


def opened(folder: Path, **options: object) -> LlamaCppRunner:
    return LlamaCppRunner.open(folder, options=LlamaCppOptions.model_validate(options))


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "llamacpp").iterdir() if path.name != ".lock")


def with_gguf(folder: Path, *names: str) -> Path:
    """The folder with GGUF files instead of its weights."""
    for name in names:
        convert(folder, folder / name, "q8_0")
    (folder / "model.safetensors").unlink()
    return folder


def test_by_name_through_the_engine(folder: Path) -> None:
    engine = support.llamacpp_engine(folder, precision="q8_0")
    assert isinstance(engine.runner, LlamaCppRunner)
    assert engine.generate("我想", seed=1, max_new_tokens=9).generated_tokens > 0
    (folder / "zaoju.json").write_text(json.dumps({"format": 1, "runner": "llamacpp"}), "utf-8")
    by_folder = Engine.load(folder, share_prefixes=False)
    assert isinstance(by_folder.runner, LlamaCppRunner)
    assert kept(folder)[0].startswith("f32-") and kept(folder)[1].startswith("q8_0-")


def test_what_was_converted_is_used_again_and_made_anew_for_other_weights(folder: Path) -> None:
    first = opened(folder).prefill([[1, 2]])[1]
    [name] = kept(folder)
    stamp = (folder / "llamacpp" / name).stat().st_mtime_ns
    assert torch.equal(opened(folder).prefill([[1, 2]])[1], first)
    assert (folder / "llamacpp" / name).stat().st_mtime_ns == stamp
    opened(folder, precision="f16")
    (folder / "llamacpp" / ".f32-1-old.gguf.0123.partial").write_bytes(b"of a process that was killed")
    support.gpt2(initializer_range=0.1).save(folder)
    assert not torch.equal(opened(folder).prefill([[1, 2]])[1], first)
    precisions = [path.name.split("-")[0] for path in sorted((folder / "llamacpp").glob("[.a-z]*.gguf*"))]
    assert precisions == ["f16", "f32"] and name not in kept(folder)
    support.gpt2().save(folder)
    assert torch.equal(opened(folder).prefill([[1, 2]])[1], first)


def test_an_unfinished_file_is_never_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as failing:
        failing.setattr("zaoju_llamacpp.convert._encoded", fail)
        with pytest.raises(MemoryError):
            opened(folder)
    assert kept(folder) == []
    opened(folder)


def test_nothing_is_kept_where_it_is_not_wanted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    runner = opened(folder, keep_converted=False)
    assert list(scratch.iterdir()) == [] and not (folder / "llamacpp").exists()
    assert runner.prefill([[1, 2]])[1].isfinite().all(), "the weights are still there"


def test_a_folder_that_cannot_be_written_to(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "llamacpp").write_text("a file in the place of the folder")
    with caplog.at_level(logging.WARNING):
        opened(folder)
    assert "cannot be written to" in caplog.text and "converted at every start" in caplog.text


def test_the_only_gguf_file_is_opened(folder: Path) -> None:
    expected = opened(folder, precision="q8_0", keep_converted=False).prefill([[3, 4]])[1]
    with_gguf(folder, "some model.gguf")
    assert torch.equal(opened(folder).prefill([[3, 4]])[1], expected)
    with pytest.raises(ArtefactError, match=r"some model\.gguf has the precision .* runner\.precision asks for f16"):
        opened(folder, precision="f16")


def test_of_several_gguf_files_one_is_named(folder: Path) -> None:
    with_gguf(folder, "a.gguf", "b.gguf")
    with pytest.raises(ArtefactError, match=r"2 GGUF files, a\.gguf, b\.gguf: .*runner\.file"):
        opened(folder)
    opened(folder, file="b.gguf")
    with pytest.raises(ArtefactError, match=r"no file c\.gguf: .*a\.gguf, b\.gguf"):
        opened(folder, file="c.gguf")


def test_the_parts_of_one_file_are_one(folder: Path) -> None:
    """llama.cpp finds the others of a split file by the name of the first."""
    with_gguf(folder, "m-00001-of-00002.gguf")
    (folder / "m-00002-of-00002.gguf").write_bytes(b"")
    assert opened(folder).prefill([[1, 2]])[0]


def test_a_folder_with_nothing_to_run(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="neither a GGUF file nor weights"):
        opened(tmp_path)
    (tmp_path / "model.gguf").write_bytes(b"no model")
    with pytest.raises(ArtefactError, match=r"llama\.cpp cannot read .*model\.gguf"):
        opened(tmp_path)


def test_an_architecture_that_llama_cpp_does_not_know(tmp_path: Path) -> None:
    import gguf

    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "abacus")
    writer.add_tokenizer_model("no_vocab")
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    with pytest.raises(ArtefactError, match="unknown model architecture: 'abacus'"):
        opened(tmp_path)


def test_a_tokenizer_of_another_size_is_refused(folder: Path, tmp_path: Path) -> None:
    with_gguf(folder, "m.gguf")
    opened(folder)
    large = support.saved(support.gpt2(vocab_size=5000), tmp_path / "large")
    with_gguf(large, "m.gguf")
    with pytest.raises(ArtefactError, match=r"has 5000 tokens and .*tokenizer\.json has \d+: they do not belong"):
        opened(large)


def test_a_tokenizer_with_other_tokens_is_refused(folder: Path) -> None:
    """The file has a vocabulary of its own, as those that others convert have; here of the same size."""
    import gguf

    with_gguf(folder, "m.gguf")
    reader = gguf.GGUFReader(folder / "m.gguf")
    backend = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    size = support.tokenizer().vocabulary_size
    own = [support.tokenizer()._backend.id_to_token(token) for token in range(size)]
    for name, tokens in (("own.gguf", own), ("other.gguf", own[::-1])):
        writer = gguf.GGUFWriter(folder / name, "gpt2")
        for field in reader.fields.values():
            if field.name.startswith("gpt2."):
                value = field.contents()
                (writer.add_float32 if isinstance(value, float) else writer.add_uint32)(field.name, value)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(tokens)
        writer.add_token_merges(["a b"])
        for tensor in reader.tensors:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
            write()
        writer.close()
    assert backend
    opened(folder, file="own.gguf")
    with pytest.raises(ArtefactError, match=r"token 0 is .* in .*other\.gguf and .*and so on: they do not belong"):
        opened(folder, file="other.gguf")


def test_more_than_the_machine_has_is_refused(folder: Path) -> None:
    with pytest.raises(ArtefactError, match=r"runner\.context: 4,000,000,000 cells would take .* GiB"):
        opened(folder, context=4_000_000_000)


def test_the_number_of_cells_is_rounded_up_and_bounds_the_context(folder: Path) -> None:
    runner = opened(folder, context=257, rows=100)
    assert runner._context.cells == 512 and runner.context_length == support.CONTEXT
    assert runner.most_rows(support.CONTEXT) == 8 and runner.row_bytes(10) == 10 * 2 * 64 * 2 * 4
    long = opened(support.saved(support.gpt2(n_positions=600), folder.parent / "long"), context=256)
    assert long.context_length == 256
    assert opened(folder).most_rows(support.CONTEXT) == 256


@pytest.mark.parametrize(
    "options", [{"rows": 0}, {"rows": 257}, {"context": 0}, {"precision": "q4_0"}, {"gpu_layers": -1}, {"file": ""}]
)
def test_options_that_cannot_be(options: dict[str, object], folder: Path) -> None:
    with pytest.raises(ValidationError):
        LlamaCppOptions.model_validate(options)
    with pytest.raises(UserError, match=rf"runner\.{next(iter(options))}: "):
        Engine.load(folder, runner={"name": "llamacpp", **options})


def test_devices(folder: Path) -> None:
    import llama_cpp

    with pytest.raises(ArtefactError, match="device cpu and gpu_layers 3"):
        LlamaCppRunner.open(folder, device="cpu", options=LlamaCppOptions(gpu_layers=3))
    with pytest.raises(ArtefactError, match=r"how many with runner\.gpu_layers"):
        LlamaCppRunner.open(folder, device="cuda")
    if not llama_cpp.llama_supports_gpu_offload():
        with pytest.raises(ArtefactError, match="built for the CPU only"):
            opened(folder, gpu_layers=3)


def test_without_llama_cpp_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(PluginError, match=r'llama_cpp.*pip install "llama-cpp-python'):
        PluginManager.discover().resolve("runner", "llamacpp").load(Runner)
