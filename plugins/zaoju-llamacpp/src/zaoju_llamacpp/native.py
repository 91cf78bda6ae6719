"""llama.cpp's low-level functions: a model, its context, and the memory of its sequences. Nothing else calls them.

The functions are those of `llama.h`, through the package llama-cpp-python (MIT licence).
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llama_cpp
import torch

from zaoju import ArtefactError
from zaoju_llamacpp.batch import Batch
from zaoju_llamacpp.native_log import native_log
from zaoju_llamacpp.options import MOST_ROWS

TOKENS_PER_PASS = 512
"""How many tokens llama.cpp computes at a time: its own default."""

_DONE, _NO_ROOM = 0, 1
"""What `llama_decode` gives."""

_ROWS_WITH_STATES = 32
"""A state may take tens of megabytes."""

_MOST_CELLS = 1 << 17
"""Where the user asks for no number."""

_CELLS_AT_A_TIME = 256
"""llama.cpp makes memory of so many cells at a time."""


class NoRoomError(Exception):
    """There are not enough free cells; the memory is as it was."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is run."""

    threads: int
    gpu_layers: int = 0
    rows: int | None = None
    """Sequences at once; None: 256, or 32 where each keeps a state of its own."""
    cells: int | None = None
    """Tokens of all sequences together; None leaves it to `most_bytes`."""
    most_bytes: int = 1 << 30
    """How much memory the cells may take where `cells` is None."""


class NativeModel:
    """The weights of a GGUF file. Freed when nothing refers to it any more."""

    def __init__(self, path: Path, *, gpu_layers: int = 0, mapped: bool = True, amx: bool = False) -> None:
        """With `mapped` the file must stay; else it is read as a whole, and may go.

        With `amx` the tile units of the processor are used, where it has them and llama.cpp was built for them.

        Raises `ArtefactError` with llama.cpp's own words where it cannot read the file.
        """
        _start_backend()
        if gpu_layers and not llama_cpp.llama_supports_gpu_offload():
            raise ArtefactError(
                f"gpu_layers {gpu_layers}: this llama.cpp was built for the CPU only; leave gpu_layers out, or install "
                "llama-cpp-python with CMAKE_ARGS that name the GPU, such as -DGGML_CUDA=on"
            )
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_AUTO if mapped else llama_cpp.LLAMA_LOAD_MODE_NONE
        parameters.use_extra_bufts = amx or not _built_for_amx()
        with native_log().kept() as said:
            handle = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        if not handle:
            raise ArtefactError(
                f"llama.cpp cannot read {path}: {_words(said)}. Get the file again, or one for an architecture that "
                "this version of llama-cpp-python knows"
            )
        self.handle: int = handle
        self.path = path
        self._close = weakref.finalize(self, _free_model, handle)
        # At the end of the process the system takes everything back, and llama.cpp may be gone before us.
        self._close.atexit = False
        self._vocabulary = llama_cpp.llama_model_get_vocab(handle)
        self.vocabulary_size: int = llama_cpp.llama_vocab_n_tokens(self._vocabulary)
        self.trained_context: int = llama_cpp.llama_model_n_ctx_train(handle)
        self.keeps_states: bool = llama_cpp.llama_model_is_recurrent(handle) or llama_cpp.llama_model_is_hybrid(handle)
        """Whether a sequence has a state of its own beside or instead of keys and values, as a Mamba has."""
        self._check_writes()

    @property
    def full_precision(self) -> bool:
        """Whether every weight is in 32 bits."""
        return bool(llama_cpp.llama_model_ftype(self.handle) == llama_cpp.LLAMA_FTYPE_ALL_F32)

    @property
    def window(self) -> int:
        """How many tokens a layer with a sliding window sees; 0 where no layer has one."""
        return int(llama_cpp.llama_model_n_swa(self.handle))

    @property
    def cell_bytes(self) -> int:
        """What one token takes in memory, as keys and values; 0 where the model keeps states only."""
        if llama_cpp.llama_model_is_recurrent(self.handle):
            return 0
        width = llama_cpp.llama_model_n_embd(self.handle) // max(1, llama_cpp.llama_model_n_head(self.handle))
        architecture = self._value("general.architecture") or ""
        key, value = (int(self._value(f"{architecture}.attention.{part}_length") or width) for part in ("key", "value"))
        numbers = llama_cpp.llama_model_n_layer(self.handle) * llama_cpp.llama_model_n_head_kv(self.handle)
        return int(numbers * (key + value) * (4 if self.full_precision else 2))

    def token_texts(self, tokens: Sequence[int]) -> list[str] | None:
        """The vocabulary's own texts of `tokens`; None where the file has none, or keeps them in another form."""
        kinds = (llama_cpp.LLAMA_VOCAB_TYPE_SPM, llama_cpp.LLAMA_VOCAB_TYPE_BPE)
        if llama_cpp.llama_vocab_type(self._vocabulary) not in kinds:
            return None
        texts = (llama_cpp.llama_vocab_get_text(self._vocabulary, token) for token in tokens)
        return [bytes(text).decode("utf-8", errors="replace") for text in texts]

    def _value(self, key: str) -> str | None:
        """What the file says under a key."""
        buffer = ctypes.create_string_buffer(64)
        length = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode() if length >= 0 else None

    def _check_writes(self) -> None:
        if (
            llama_cpp.llama_model_has_encoder(self.handle)
            or not llama_cpp.llama_model_has_decoder(self.handle)
            or llama_cpp.llama_model_is_diffusion(self.handle)
        ):
            raise ArtefactError(
                f"{self.path} is no model that continues a text token by token: it has an encoder, or fills in a text "
                "as a whole; give a decoder such as a Llama, a Qwen or a GPT-2"
            )


class NativeContext:
    """The memory of a model: sequences with numbers from 0, whose tokens lie in one store of cells."""

    def __init__(self, model: NativeModel, settings: Settings) -> None:
        """Raises `ArtefactError` where there is no memory for it."""
        self._model = model
        self.rows = settings.rows or (_ROWS_WITH_STATES if model.keeps_states else MOST_ROWS)
        cells = settings.cells or _cells(model, self.rows, settings.most_bytes)
        # A row needs a cell; llama.cpp ends the process where there are more rows than cells.
        self.rows = min(self.rows, cells)
        _check_memory(cells, model.cell_bytes)
        with native_log().kept() as said:
            handle = llama_cpp.llama_init_from_model(model.handle, _parameters(model, self.rows, cells, settings))
        memory = llama_cpp.llama_get_memory(handle) if handle else None
        if not handle or not memory:
            raise ArtefactError(
                f"llama.cpp cannot run {model.path} with {self.rows} rows and {cells} cells: {_words(said)}. Make "
                "runner.context or runner.rows smaller"
            )
        self._handle: int = handle
        self._memory = memory
        self._close = weakref.finalize(self, _free_context, handle, model)
        self._close.atexit = False
        self.cells: int = llama_cpp.llama_n_ctx(handle)
        self._batch = Batch(self.cells)
        self._embeddings = False

    def decode(
        self, sequences: Sequence[int], starts: Sequence[int], tokens: Sequence[Sequence[int]], *, every: bool
    ) -> torch.Tensor:
        """Append tokens to sequences that have `starts` tokens: the logits [N, V] float32 after the last of each.

        With `every`, those after every token, one sequence after the other. Raises `NoRoomError`, and `RuntimeError`
        where llama.cpp fails; what was appended of it must then be forgotten.
        """
        outputs = self._batch.fill(sequences, starts, tokens, every=every or self._embeddings)
        if outputs is None:
            raise NoRoomError
        with native_log().kept() as said:
            code = llama_cpp.llama_decode(self._handle, self._batch.native)
        if code == _NO_ROOM:
            raise NoRoomError
        if code != _DONE:
            raise RuntimeError(f"llama_decode failed with code {code}: {_words(said)}")
        logits = self._copied(llama_cpp.llama_get_logits(self._handle), outputs, self._model.vocabulary_size)
        if every or not self._embeddings:
            return logits
        last = torch.tensor([len(new) for new in tokens]).cumsum(0) - 1
        return logits[last]

    def give_hidden(self, wanted: bool) -> None:
        """Let the following passes leave what `hidden` gives; every token then costs its logits too."""
        if wanted != self._embeddings:
            with native_log().kept():
                llama_cpp.llama_set_embeddings(self._handle, wanted)
            self._embeddings = wanted

    def hidden(self, count: int) -> torch.Tensor:
        """[count, width] float32: the last hidden states of the tokens of the pass before, `count` in all."""
        width = llama_cpp.llama_model_n_embd_out(self._model.handle)
        return self._copied(llama_cpp.llama_get_embeddings(self._handle), count, width)

    def forget(self, sequence: int, start: int = 0) -> bool:
        """Remove the tokens of a sequence from place `start` on; False where the model cannot, as a state stays."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def copy(self, source: int, target: int) -> None:
        """Let the empty sequence `target` have the past of `source`, in the same cells."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def length(self, sequence: int) -> int:
        """How many tokens the memory holds of a sequence."""
        return int(llama_cpp.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    @staticmethod
    def _copied(pointer: object, rows: int, width: int) -> torch.Tensor:
        """The next pass writes into the same memory."""
        if not pointer:
            raise RuntimeError("llama.cpp gave no numbers after a pass that it called a success")
        whole = (ctypes.c_float * (rows * width)).from_address(ctypes.addressof(pointer.contents))  # type: ignore[attr-defined]  # a pointer of ctypes
        return torch.frombuffer(whole, dtype=torch.float32).view(rows, width).clone()


def _parameters(model: NativeModel, rows: int, cells: int, settings: Settings) -> llama_cpp.llama_context_params:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = cells
    # One call takes whatever the cells can hold, so that it is done as a whole or refused as a whole.
    parameters.n_batch = _rounded(cells)
    parameters.n_ubatch = TOKENS_PER_PASS
    parameters.n_seq_max = rows
    parameters.kv_unified = True
    parameters.swa_full = True
    parameters.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
    parameters.no_perf = True
    parameters.n_threads = parameters.n_threads_batch = settings.threads
    kind = llama_cpp.GGML_TYPE_F32 if model.full_precision else llama_cpp.GGML_TYPE_F16
    parameters.type_k = parameters.type_v = kind
    # On a CPU flash attention rounds keys and values to 16 bits, whatever their type is.
    parameters.flash_attn_type = (
        llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED if model.full_precision else llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO
    )
    return parameters


def _cells(model: NativeModel, rows: int, most_bytes: int) -> int:
    """The context of the model for every row, as far as `most_bytes` go."""
    cells = min(rows * model.trained_context, _MOST_CELLS)
    if model.cell_bytes:
        cells = min(cells, most_bytes // model.cell_bytes)
    return max(cells, _CELLS_AT_A_TIME)


def _rounded(cells: int) -> int:
    return -(-cells // _CELLS_AT_A_TIME) * _CELLS_AT_A_TIME


def _check_memory(cells: int, cell_bytes: int) -> None:
    """Refuse what this machine cannot hold: the system would end the process where the cells are first written."""
    if not hasattr(os, "sysconf"):  # Windows; llama.cpp says so itself there
        return
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needs = cells * cell_bytes
    if needs > there_is:
        raise ArtefactError(
            f"runner.context: {cells:,} cells would take {needs / 2**30:,.1f} GiB, and this machine has "
            f"{there_is / 2**30:,.1f} GiB; ask for fewer"
        )


@cache
def _start_backend() -> None:
    """Once for the process, as llama.cpp asks."""
    llama_cpp.llama_backend_init()


@cache
def _built_for_amx() -> bool:
    """Whether this llama.cpp uses the tile units of newer Intel processors (AMX).

    In many builds it ends the whole process at the first pass of two tokens over quantised weights, as the compiler
    has dropped what configures the units (llama.cpp issue 20824, pull request 26954). They are used for weights in
    buffers of their own only, so without such buffers all is well.
    """
    return b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info()


def _free_model(handle: int) -> None:
    with native_log().kept():
        llama_cpp.llama_model_free(handle)


def _free_context(handle: int, model: NativeModel) -> None:
    """`model` is only held: its weights must outlive the context."""
    with native_log().kept():
        llama_cpp.llama_free(handle)


def _words(said: Sequence[str]) -> str:
    """What llama.cpp said, for a sentence of ours."""
    return "; ".join(said).rstrip(".") or "it does not say why"
