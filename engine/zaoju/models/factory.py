"""Makes models: new ones from a plan, trained ones from a folder."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from zaoju.errors import ArtefactError, ConfigError
from zaoju.files import read_json_object
from zaoju.models.causal_lm import CausalLM
from zaoju.models.gpt2 import GPT2
from zaoju.models.gpt2_config import GPT2Config
from zaoju.models.lean_lm import LeanLM
from zaoju.models.llama import Llama
from zaoju.models.llama_config import LlamaConfig
from zaoju.models.plan import ModelPlan

_TRAINING_BYTES = 16
"""Per weight: itself, its gradient and AdamW's two moments, all in float32."""

_LARGEST_PADDING = 1024
"""How many rows an embedding may have beyond the tokenizer; models are padded for speed."""


def new_model(plan: ModelPlan, seed: int) -> CausalLM:
    """The model that a run trains: new, with weights that depend on nothing but the plan and `seed`, or `init_from`.

    Raises `ConfigError` for numbers that cannot be a model or cannot fit this machine, before memory is taken, and
    `ArtefactError` where `init_from` cannot be read or has another vocabulary than the run.
    """
    if plan.init_from is not None:
        model = load_model(plan.init_from, "cpu") if not plan.new_marks else _with_new_marks(plan, plan.init_from, seed)
        _check_vocabulary(model, plan, plan.init_from)
        return model
    numbers = {
        **plan.numbers,
        "vocab_size": plan.vocabulary_size,
        "bos_token_id": plan.end_of_text,
        "eos_token_id": plan.end_of_text,
    }
    config = GPT2Config.from_numbers(numbers) if plan.architecture == "gpt2" else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if config is not None and not config.unsupported:
            _check_memory(config.parameter_count())
            return GPT2(config)
        # Deferred: importing transformers' models takes longer than importing torch.
        from zaoju.models.transformers_lm import TransformersLM

        _check_memory(TransformersLM.count_parameters(plan.architecture, numbers))
        if plan.architecture in LlamaConfig.families():
            family = LlamaConfig.from_json(TransformersLM.describe(plan.architecture, numbers))
            if not family.unsupported:
                return Llama(family)
        return TransformersLM.from_numbers(plan.architecture, numbers)


def load_model(folder: Path, device: str) -> CausalLM:
    """The model in a Hugging Face folder, in float32, on `device` (`cpu`, `cuda` or `mps`), ready to generate.

    Models of the GPT-2 and Llama families in safetensors are read by the engine's own modules, everything else by
    transformers. Raises `ArtefactError`.
    """
    values = read_json_object(folder / "config.json")
    if values is None:
        raise ArtefactError(
            f"{folder} is not a model folder: it has no config.json; give a folder in Hugging Face's layout"
        )
    files = _weight_files(folder)
    config = _lean_config(values, folder)
    if config is not None and not config.unsupported and files:
        return _load_lean(config, files, folder).to(device).eval()
    from zaoju.models.transformers_lm import TransformersLM

    return TransformersLM.from_folder(folder).to(device).eval()


def _with_new_marks(plan: ModelPlan, folder: Path, seed: int) -> CausalLM:
    """The model in `folder` with rows for tokens that only mark turns: like its other rows, and all different."""
    # Deferred: importing transformers' models takes longer than importing torch.
    from zaoju.models.extending import extend_model

    def make_rows(matrix: torch.Tensor, number: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed + number)
        noise = torch.randn(plan.new_marks, matrix.shape[1], generator=generator)
        return matrix.mean(dim=0) + matrix.std(dim=0) * noise

    larger = extend_model(
        folder,
        [[plan.end_of_text]] * plan.new_marks,
        first_new=plan.vocabulary_size - plan.new_marks,
        multiple=1,
        make_rows=make_rows,
    )
    with TemporaryDirectory() as scratch:
        larger.save(Path(scratch))
        return load_model(Path(scratch), "cpu")


def _lean_config(values: dict[str, object], folder: Path) -> GPT2Config | LlamaConfig | None:
    """The config of a model that the engine has a module for; None for every other one."""
    family = values.get("model_type")
    try:
        if family == "gpt2":
            return GPT2Config.from_json(values)
        return LlamaConfig.from_json(values) if family in LlamaConfig.families() else None
    except ConfigError as error:
        raise ArtefactError(f"{folder / 'config.json'} cannot be a model of type {family}: {error}") from error


def _load_lean(config: GPT2Config | LlamaConfig, files: list[Path], folder: Path) -> LeanLM:
    with torch.device("meta"):
        model: LeanLM = GPT2(config) if isinstance(config, GPT2Config) else Llama(config)
    expected = {name: parameter.shape for name, parameter in model.named_parameters()}
    found = _read_weights(files, "transformer." if isinstance(config, GPT2Config) else "model.")
    if "lm_head.weight" not in expected:  # the head is the embedding, and some folders hold it twice
        found.pop("lm_head.weight", None)
    wrong = sorted(name for name in {*expected, *found} if name not in found or found[name].shape != expected.get(name))
    if wrong:
        raise ArtefactError(
            f"the weights in {folder} do not agree with its config.json: {len(wrong)} of {len(expected)} tensors are "
            f"missing, unknown or of another shape, the first is {wrong[0]!r}; get the folder again from its source"
        )
    model.load_state_dict(found, assign=True)
    return model


def _read_weights(files: list[Path], body: str) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = {}
    for file in files:
        try:
            weights |= load_file(file)
        except (OSError, SafetensorError) as error:
            raise ArtefactError(
                f"the weights in {file} cannot be read: {error}; the file is damaged or cut off"
            ) from error
    # Copied, as memory mapped from a file begins anywhere, and matrix kernels are slower on unaligned memory.
    return {
        _full_name(name, body): tensor.to(torch.float32, copy=True)
        for name, tensor in weights.items()
        if not _is_buffer(name)
    }


def _full_name(name: str, body: str) -> str:
    """Some folders, such as OpenAI's own, leave out what stands in front of the layers' names."""
    return name if name.startswith((body, "lm_head.")) else f"{body}{name}"


def _is_buffer(name: str) -> bool:
    """Old folders hold the causal mask and the rotary frequencies as if they were weights."""
    return name.endswith((".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"))


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, one or several; empty where there are none."""
    index_file = folder / "model.safetensors.index.json"
    index = read_json_object(index_file)
    if index is not None:
        shards = index.get("weight_map")
        if not isinstance(shards, dict):
            raise ArtefactError(f"{index_file} has no weight_map; get the folder again from where it was made")
        return [folder / name for name in sorted(set(shards.values()))]
    single = folder / "model.safetensors"
    return [single] if single.is_file() else []


def _check_vocabulary(model: CausalLM, plan: ModelPlan, folder: Path) -> None:
    if not plan.vocabulary_size <= model.vocabulary_size <= plan.vocabulary_size + _LARGEST_PADDING:
        raise ArtefactError(
            f"init_from: the model in {folder} has {model.vocabulary_size} tokens and this run's tokenizer has "
            f"{plan.vocabulary_size}; train on with the tokenizer of that folder, or train a new model"
        )


def _check_memory(parameters: int) -> None:
    """Refuse what this machine could never train. A GPU's memory is not counted: the model is made on the host."""
    if not hasattr(os, "sysconf"):  # Windows; torch raises its own error there
        return
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needs = parameters * _TRAINING_BYTES
    if needs > there_is:
        raise ConfigError(
            f"model: {parameters / 1e6:,.0f} million parameters need about {needs / 2**30:,.0f} GiB to train "
            f"(weights, gradients and AdamW's moments); this machine has {there_is / 2**30:,.0f} GiB. "
            "Choose a smaller model.size or smaller model.numbers"
        )
