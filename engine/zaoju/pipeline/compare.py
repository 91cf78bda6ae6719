"""Finished runs side by side, whatever trained them: bits per character is one measure for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zaoju.errors import ArtefactError, UserError
from zaoju.generation import DESCRIPTION, read_description
from zaoju.pipeline.scores import Sample, Scores
from zaoju.pipeline.weights import count_weights


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One finished run."""

    name: str
    model: Path
    bits_per_character: float
    characters_per_token: float
    """Of the held-out text, the token that ends each document included."""

    characters: int
    """How much text was held out."""

    lossy_documents: int
    trainer: str
    architecture: str | None
    """None where the model folder is not one of a network, as for a model that counts."""

    segmenter: str
    vocabulary: str
    parameters: int | None
    training_seconds: float | None
    """None for runs of older versions, which did not note it."""

    held_out: str
    """Stands for the held-out texts: equal where they are."""

    sample: Sample | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs, the best one first, and what stands in the way of comparing them."""

    runs: tuple[ComparedRun, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        runs = [{**asdict(run), "model": str(run.model)} for run in self.runs]
        return {"runs": runs, "warnings": list(self.warnings)}


def compare(runs: Sequence[Path | str]) -> Comparison:
    """Compare the finished models of run folders, or model folders with the scores that a run gave them.

    Raises `UserError` where a folder has no finished and scored model, or is named twice.
    """
    folders = [_model_folder(Path(run)) for run in runs]
    if not folders:
        raise UserError("there is nothing to compare: name the folders of finished runs, such as runs/a runs/b")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UserError(f"one run is named twice: {', '.join(map(str, runs))}; name each once")
    described = [(folder, read_description(folder)) for folder in folders]
    strategy_and_prompt = _common_sample([description for _, description in described])
    names = _names(folders)
    found = [
        _compared(name, folder, description, strategy_and_prompt)
        for name, (folder, description) in zip(names, described, strict=True)
    ]
    found.sort(key=lambda run: run.bits_per_character)
    return Comparison(tuple(found), tuple(_warnings(found)))


def _model_folder(run: Path) -> Path:
    """The folder of the published model in a run folder, or the folder itself where it is one."""
    for folder in (run / "model", run):
        if "scores" in read_description(folder):
            return folder
    raise UserError(f"{run} has no finished model to compare: {_what_there_is(run)}")


def _what_there_is(run: Path) -> str:
    if not run.is_dir():
        return "there is no such folder. Name the folder of a run, the `run:` of its configuration"
    if (run / "stages").is_dir() or (run / "checkpoints").is_dir():
        stages = sorted({path.name.rsplit("-", 1)[0] for path in (run / "stages").glob("[!.]*") if path.is_dir()})
        done = f"the stages {', '.join(stages)} are there" if stages else "no stage is done"
        return f"{done}, the model is not scored yet. Let `zaoju run` finish it"
    if (run / DESCRIPTION).is_file() or (run / "config.json").is_file():
        return "it holds a model without scores of a run. Measure it with `zaoju evaluate MODEL FILES`"
    there = sorted(path.parent.name for path in run.glob("*/model") if path.is_dir())
    if there:
        return f"it is no run folder, but these in it are: {', '.join(there)}"
    return "it is no run folder. Name the folder of a run, the `run:` of its configuration"


def _compared(
    name: str, folder: Path, description: Mapping[str, object], wanted: tuple[str, str] | None
) -> ComparedRun:
    try:
        config, data = _mapping(description["config"]), _mapping(description["data"])
        scores = Scores.from_json(_mapping(description["scores"]))
        model = _mapping(config["model"])
        parts = _parts(description)
        segmenter, vocabulary = _tokenization(parts, model)
        seconds = _mapping(description.get("training", {})).get("seconds")
        held_out = scores.held_out
        return ComparedRun(
            name=name,
            model=folder,
            bits_per_character=held_out.bits_per_character,
            characters_per_token=held_out.characters / held_out.tokens,
            characters=held_out.characters,
            lossy_documents=held_out.lossy_documents,
            trainer=str(parts["trainer"]["name"]),
            architecture=_architecture(folder, model),
            segmenter=segmenter,
            vocabulary=vocabulary,
            parameters=count_weights(folder),
            training_seconds=float(seconds) if isinstance(seconds, int | float) else None,
            held_out=str(data.get("held_out", data["fingerprint"])),
            sample=next((one for one in scores.samples if (one.strategy, one.prompt) == wanted), None),
        )
    except (KeyError, TypeError, AssertionError) as error:
        raise ArtefactError(
            f"{folder / DESCRIPTION} is not as a run writes it ({error}); run it again with `zaoju run`"
        ) from error


def _architecture(folder: Path, model: Mapping[str, object]) -> str | None:
    """`gpt2 tiny`, or the name of the model that was trained on."""
    if not (folder / "config.json").is_file():
        return None
    if model.get("init_from") is not None:
        return f"on {Path(str(model['init_from'])).name}"
    return f"{model['architecture']} {model['size']}"


def _parts(description: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The components that made the model, by kind, where there is one of a kind."""
    plugins = description["plugins"]
    if not isinstance(plugins, list):
        raise TypeError(f"not a list: {plugins!r}")
    return {str(part["kind"]): part for part in map(_mapping, plugins)}


def _tokenization(parts: Mapping[str, Mapping[str, object]], model: Mapping[str, object]) -> tuple[str, str]:
    """The names of segmenter and vocabulary, the latter with its size; a model trained on brings its own."""
    if model.get("init_from") is not None:
        return "", "the model's own"
    vocabulary = parts["vocabulary"]
    size = _mapping(vocabulary["options"]).get("size")
    sized = f" {size:,}" if isinstance(size, int) else ""
    return str(parts["segmenter"]["name"]), f"{vocabulary['name']}{sized}"


def _common_sample(descriptions: Sequence[Mapping[str, object]]) -> tuple[str, str] | None:
    """The strategy and the prompt that all runs have a text of, by the order of the first run."""
    there = []
    for description in descriptions:
        samples = _mapping(description["scores"]).get("samples")
        there.append([(one["strategy"], one["prompt"]) for one in samples] if isinstance(samples, list) else [])
    common = [one for one in there[0] if all(one in others for others in there)]
    # The last strategy is the one that samples most freely; greedy texts of small models only repeat themselves.
    last = common[-1][0] if common else None
    return next((one for one in common if one[0] == last), None)


def _warnings(runs: Sequence[ComparedRun]) -> Iterator[str]:
    if len({run.held_out for run in runs}) > 1:
        sizes = ", ".join(f"{run.name} {run.characters:,} characters" for run in runs)
        yield (
            f"the held-out texts differ ({sizes}), so the bits per character are of different texts and do not rank the"
            " models. Use the same corpus, cleaners, `held_out` and seed, or `zaoju evaluate MODEL FILES` for each"
        )
    for run in runs:
        if run.lossy_documents:
            yield (
                f"{run.name}: {run.lossy_documents:,} held-out documents do not come back from their tokens, so its"
                " score flatters it"
            )


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths of the runs that tell them apart."""
    runs = [(folder.parent if folder.name == "model" else folder).resolve() for folder in folders]
    for length in range(1, max(len(run.parts) for run in runs) + 1):
        names = ["/".join(run.parts[-length:]) for run in runs]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"not an object: {value!r}")
    return value
