"""Tokenizers of folders that zaoju did not make: any Hugging Face model folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from tokenizers import Tokenizer as Backend

from zaoju.errors import ArtefactError
from zaoju.files import read_json_object
from zaoju.tokenization.parts import TokenizerParts

_OTHER_VOCABULARIES = ("vocab.json", "vocab.txt", "*.model", "*.tiktoken", "tekken.json")
"""What tokenizers are made of in folders without `tokenizer.json`."""


def read_foreign(folder: Path, settings: Mapping[str, object]) -> TokenizerParts:
    """The tokenizer of a Hugging Face folder; `settings` is its `tokenizer_config.json`.

    Raises `ArtefactError` where the folder has no tokenizer or does not say which token ends a text.
    """
    model = read_json_object(folder / "config.json") or {}
    if (folder / "tokenizer.json").is_file():
        backend = read_backend(folder / "tokenizer.json")
    else:
        backend, settings = _convert(folder, settings)
    # Padding and truncation are the caller's business; a length limit here would lose text.
    backend.no_padding()
    backend.no_truncation()
    end_of_text = _end_of_text(folder, backend, settings, model)
    beginning = _beginning(backend, settings, model, end_of_text)
    return TokenizerParts(backend, end_of_text, beginning, settings=settings)


def read_backend(path: Path) -> Backend:
    """The tokenizer in a `tokenizer.json`."""
    if not path.is_file():
        raise ArtefactError(f"{path} is missing: the folder has lost its tokenizer; copy it again")
    try:
        return Backend.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception for whatever is wrong in the file
        raise ArtefactError(f"{path} cannot be read: {error}; copy the folder again") from error


def _convert(folder: Path, settings: Mapping[str, object]) -> tuple[Backend, Mapping[str, object]]:
    """Let transformers make the tokenizer from an older kind of vocabulary file."""
    if not any(next(folder.glob(pattern), None) for pattern in _OTHER_VOCABULARIES):
        raise ArtefactError(
            f"{folder} has no tokenizer: neither tokenizer.json nor a vocabulary ({', '.join(_OTHER_VOCABULARIES)}); "
            "copy the tokenizer's files into it"
        )
    from transformers import AutoTokenizer

    try:
        converted = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ArtefactError(f"transformers cannot read the tokenizer in {folder}: {error}") from error
    backend = getattr(converted, "backend_tokenizer", None)
    if not isinstance(backend, Backend):
        raise ArtefactError(
            f"the tokenizer in {folder} is a {type(converted).__name__}, which runs only inside transformers; "
            "convert it to a tokenizer.json first"
        )
    return Backend.from_str(backend.to_str()), {"tokenizer_class": type(converted).__name__, **settings}


def _end_of_text(folder: Path, backend: Backend, settings: Mapping[str, object], model: Mapping[str, object]) -> int:
    """The token that ends a text, where the first of the folder's files says so; BERT's vocabularies use `[SEP]`."""
    specials = read_json_object(folder / "special_tokens_map.json") or {}
    generation = read_json_object(folder / "generation_config.json") or {}
    candidates = (
        *(_ids_of(backend, source.get("eos_token")) for source in (settings, specials)),
        *(_ids_of(backend, source.get("eos_token_id")) for source in (generation, model)),
        *(_ids_of(backend, source.get("sep_token")) for source in (settings, specials)),
        _ids_of(backend, "[SEP]"),
    )
    for candidate in candidates:
        for token in candidate:
            return token
    raise ArtefactError(f'{folder} does not say which token ends a text: add "eos_token" to its tokenizer_config.json')


def _ids_of(backend: Backend, token: object) -> Iterator[int]:
    """The ids in the vocabulary that a token means: its text, its description, its id or a list of these."""
    match token:
        case str():
            found = backend.token_to_id(token)
            if found is not None:
                yield found
        case {"content": str(content)}:
            yield from _ids_of(backend, content)
        case int() if token >= 0 and backend.id_to_token(token) is not None:
            yield token
        case list():
            for one in token:
                yield from _ids_of(backend, one)


def _beginning(
    backend: Backend, settings: Mapping[str, object], model: Mapping[str, object], end_of_text: int
) -> tuple[int, ...]:
    """What the tokenizer itself puts before a text; GPT-2 puts nothing, but was trained with end-of-text there."""
    encoding = backend.encode("a", add_special_tokens=True)
    added = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
    before = tuple(token for token, _ in takewhile(lambda pair: pair[1] == 1, added))
    if before:
        return before
    if settings.get("add_bos_token") is True:
        return tuple(_ids_of(backend, settings.get("bos_token")))
    return (end_of_text,) if model.get("model_type") == "gpt2" else ()
