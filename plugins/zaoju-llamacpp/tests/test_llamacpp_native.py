"""llama.cpp itself: what is called of it, what it says, and what of it is left as it was."""

from __future__ import annotations

import ctypes
import re
import threading
from pathlib import Path

import llamacpp_support as support

support.need_llama_cpp()

import llama_cpp  # noqa: E402
import pytest  # noqa: E402
import zaoju_llamacpp  # noqa: E402
from zaoju_llamacpp.native import NativeModel  # noqa: E402
from zaoju_llamacpp.native_log import native_log  # noqa: E402
from zaoju_llamacpp.options import LlamaCppOptions  # noqa: E402
from zaoju_llamacpp.runner import LlamaCppRunner  # noqa: E402

from zaoju import ArtefactError  # noqa: E402

SOURCES = Path(zaoju_llamacpp.__file__).parent


def test_every_name_of_llama_cpp_that_is_used_is_there() -> None:
    """A new version that renames one is seen here first."""
    used = {
        name for source in SOURCES.glob("*.py") for name in re.findall(r"\bllama_cpp\.(\w+)", source.read_text("utf-8"))
    }
    assert len(used) > 30
    assert [name for name in sorted(used) if not hasattr(llama_cpp, name)] == []


def test_only_three_files_know_llama_cpp() -> None:
    knowing = {file.name for file in SOURCES.glob("*.py") if "import llama_cpp" in file.read_text("utf-8")}
    assert knowing == {"native.py", "native_log.py", "batch.py"}


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = support.saved(support.gpt2(), tmp_path)
    runner = LlamaCppRunner.open(folder)
    rows, _ = runner.prefill([[1, 2]], keep_hidden=True)
    with pytest.raises(RuntimeError):
        runner.step(rows, [10**6])
    runner.drop(rows)
    runner.score([[1, 2, 3]])
    del runner
    assert capfd.readouterr() == ("", "")


def test_an_error_is_in_the_message(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF no longer")
    with pytest.raises(ArtefactError, match=r"cannot read .*broken\.gguf: .*(version|magic|failed)") as caught:
        NativeModel(file)
    assert "does not say why" not in str(caught.value)


def callback() -> int | None:
    """The address of the function that llama.cpp's log goes to."""
    function, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(function), ctypes.byref(data))
    return ctypes.cast(function, ctypes.c_void_p).value


def test_the_log_goes_back_to_whoever_had_it(tmp_path: Path) -> None:
    before = callback()
    runner = LlamaCppRunner.open(support.saved(support.gpt2(), tmp_path))
    runner.prefill([[1, 2]])
    with native_log().kept(), native_log().kept():
        assert callback() != before
    assert callback() == before
    with pytest.raises(ArtefactError):
        NativeModel(tmp_path / "config.json")
    assert callback() == before


def test_what_other_threads_cause_goes_to_them() -> None:
    """Another user of llama.cpp in this process keeps its own log."""
    heard: list[bytes] = []
    before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    theirs = llama_cpp.llama_log_callback(lambda level, text, data: heard.append(text))
    llama_cpp.llama_log_set(theirs, None)
    try:
        with native_log().kept() as said:

            def fail() -> None:
                llama_cpp.llama_model_load_from_file(b"nothing", llama_cpp.llama_model_default_params())

            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
            assert heard and said == []
            count = len(heard)
            fail()
            assert said and len(heard) == count
    finally:
        llama_cpp.llama_log_set(before, None)


def test_quantised_weights_run_on_every_processor(tmp_path: Path) -> None:
    """Unless the user asks for them, the tile units are left alone: here many builds would end the whole process."""
    folder = support.saved(support.gpt2(), tmp_path)
    runner = LlamaCppRunner.open(folder, options=LlamaCppOptions(precision="q8_0"))
    _, logits = runner.prefill([list(range(1, 60)), list(range(5, 12))])
    assert logits.isfinite().all()


@pytest.mark.parametrize(("built", "asked", "own_buffers"), [(1, 0, False), (1, 1, True), (0, 0, True)])
def test_the_tile_units_are_used_on_request_only(
    built: int, asked: int, own_buffers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr("zaoju_llamacpp.native._built_for_amx", lambda: bool(built))
    load = llama_cpp.llama_model_load_from_file

    def watched(path: bytes, parameters: llama_cpp.llama_model_params) -> int | None:
        given.append(parameters.use_extra_bufts)
        handle: int | None = load(path, parameters)
        return handle

    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", watched)
    LlamaCppRunner.open(support.saved(support.gpt2(), tmp_path), options=LlamaCppOptions(amx=bool(asked)))
    assert given == [own_buffers]
