"""The page of a training: how the model learned, how fast, what it wrote meanwhile, and from what."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from zaoju.contracts import SampleWritten, TrainStep
from zaoju.evaluation import PASSAGE
from zaoju.pages import Block, Fact, Facts, Line, LinePlot, Page, Paragraph, Section, Share, SideBySide, Table
from zaoju.pipeline.duration import duration
from zaoju.pipeline.training_report import TrainingReport

_MOST_POINTS = 250
"""Longer lines become means of neighbours: more cannot be told apart on a page."""

_SAMPLES = 12


def training_page(report: TrainingReport) -> Page:
    """The page: the curves first, the configuration last."""
    sections = [Section("How it learned", list(_learning(report)))]
    if report.steps:
        sections.append(Section("Learning rate, gradient, speed and memory", list(_running(report))))
    sections += _texts(report)
    sections.append(Section("The corpus", [_corpus(report)]))
    sections.append(Section("The configuration", [_configuration(report.config)]))
    return Page(_title(report), _summary(report), sections, lead=[_facts(report), *_about_copies(report)])


def _title(report: TrainingReport) -> str:
    return f"Training of {Path(str(report.config['run'])).name}"


def _summary(report: TrainingReport) -> str:
    trainer, model = _section(report.config, "trainer"), _section(report.config, "model")
    network = f"on {Path(str(model['init_from'])).name}" if model.get("init_from") else f"{model['architecture']}"
    parts = [f"Trainer {trainer['name']}"]
    if report.steps:
        last = report.steps[-1][0]
        size = f" {model['size']}" if not model.get("init_from") else ""
        parts.append(f"{network}{size}")
        parts.append(f"{last.step:,} of {last.steps:,} steps")
    if report.seconds:
        parts.append(duration(report.seconds))
    state = "The model is finished and scored." if report.scores else "This model is not evaluated yet."
    return f"{', '.join(parts)}. {state}"


def _facts(report: TrainingReport) -> Facts:
    facts = []
    if report.scores is not None:
        held_out = report.scores.held_out
        facts.append(Fact("bits per character", held_out.bits_per_character, f"{held_out.characters:,} held out"))
    elif report.looks:
        best = min(event.bits_per_character for event, _ in report.looks)
        facts.append(Fact("bits per character", best, "the best look at held-out text"))
    if report.scores is not None and report.scores.source is not None:
        facts.append(Fact("entropy of the source", report.scores.source.entropy, "no model can do better"))
    if report.parameters is not None:
        facts.append(Fact("weights", report.parameters))
    if report.steps:
        last, _ = report.steps[-1]
        facts.append(Fact("tokens trained on", last.tokens, f"{last.tokens / report.tokens:.3g} times the corpus"))
        facts += _machine(report)
    facts.append(Fact("characters per token", report.characters_per_token, "of the training corpus"))
    copied = None if report.scores is None else report.scores.copied
    if copied is not None and copied.passages:
        facts.append(Fact("copied passages", Share(copied.share), f"of {PASSAGE} characters, from the corpus"))
    return Facts(facts)


def _machine(report: TrainingReport) -> Iterator[Fact]:
    """How well the machine was used."""
    steps = [event for event, _ in report.steps]
    yield Fact("tokens per second", fmean([event.tokens_per_second for event in steps]), "mean")
    used = [event.flops_utilisation for event in steps if event.flops_utilisation is not None]
    if used:
        yield Fact("model FLOPs utilisation", Share(fmean(used)), "of the peak of the machine, mean")
    memory = [event.peak_memory for event in steps if event.peak_memory is not None]
    if memory:
        size, unit = _unit_of_bytes(max(memory))
        yield Fact("memory", f"{max(memory) / size:.3g} {unit}", "the most at once")


def _about_copies(report: TrainingReport) -> Iterator[Paragraph]:
    """What the share of copied passages means."""
    if report.scores is not None and report.scores.copied is not None and report.scores.copied.passages:
        yield Paragraph(
            f"Copied passages: of all that it wrote for its scores, {PASSAGE} letters or digits each, the share that"
            " stands word for word in the training text; where that is much, and the corpus is not made of set phrases,"
            " the model repeats what it has read."
        )


def _learning(report: TrainingReport) -> Iterator[Block]:
    """Bits per character, training and held out on one axis, by tokens and by time."""
    if not report.steps and not report.looks:
        yield Paragraph("The log has no steps: this trainer reports none, or the training has not come that far.")
        return
    tokens = [float(event.tokens) for event, _ in report.steps]
    training = [report.bits(event.loss) for event, _ in report.steps]
    held_out = [event.bits_per_character for event, _ in report.looks]
    by_tokens = [
        *_thinned("training", tokens, training),
        Line("held out", [report.tokens_at(event.step) for event, _ in report.looks], held_out),
        *_entropy(report, tokens),
    ]
    yield LinePlot("Bits per character, by tokens trained on", "tokens", "bits per character", by_tokens)
    times, unit = _times(report.steps, report.seconds)
    look_times, _ = _times(report.looks, report.seconds)
    if times is not None and look_times is not None:
        by_time = [
            *_thinned("training", times, training),
            Line("held out", look_times, held_out),
            *_entropy(report, times),
        ]
        yield LinePlot("Bits per character, by time", unit, "bits per character", by_time)
    else:
        yield Paragraph("This log is of an older version, which did not note the time.")
    yield Paragraph(
        "Training: the loss of the texts of each step, before the step, over the characters per token of the corpus."
        " Held out: texts that were never trained on. Where held-out bits rise while those in training fall, the model"
        " learns by heart."
        + (f" Lines are means of {_together(len(tokens)):,} reports." if _together(len(tokens)) > 1 else "")
    )


def _entropy(report: TrainingReport, xs: Sequence[float]) -> list[Line]:
    """What no model can do better than, where the source is known."""
    if report.scores is None or report.scores.source is None or not xs:
        return []
    return [Line("entropy of the source", [xs[0], xs[-1]], [report.scores.source.entropy] * 2, dashed=True)]


def _running(report: TrainingReport) -> Iterator[Block]:
    """What the log tells of each step, where it tells of it."""
    size, unit = _unit_of_bytes(max(event.peak_memory or 0 for event, _ in report.steps))
    plots = [
        _of_steps(report, "Learning rate", "rate", lambda event: event.learning_rate),
        # The mean would hide what is looked for here.
        _of_steps(report, "Norm of the gradient, before clipping", "norm", lambda event: event.gradient_norm, max),
        _of_steps(report, "Speed", "tokens per second", lambda event: event.tokens_per_second),
        _of_steps(report, "Memory, the most so far", unit, lambda event: _per(event.peak_memory, size)),
    ]
    yield SideBySide([plot for plot in plots if plot.lines])
    together = _together(len(report.steps))
    if together > 1:
        yield Paragraph(f"Each point of the norm and of the memory is the largest of {together:,} reports.")


def _of_steps(
    report: TrainingReport,
    title: str,
    name: str,
    of: Callable[[TrainStep], float | None],
    together: Callable[[Sequence[float]], float] = fmean,
) -> LinePlot:
    """A plot of one number of each step; without lines where no step tells it."""
    told = [(float(event.tokens), value) for event, _ in report.steps if (value := of(event)) is not None]
    finite = [(tokens, value) for tokens, value in told if math.isfinite(value)]
    line = _thinned(name, [tokens for tokens, _ in finite], [value for _, value in finite], together)
    return LinePlot(title, "tokens", name, line, from_zero=True)


def _texts(report: TrainingReport) -> Iterator[Section]:
    """What the model wrote while it learned, then what it writes now."""
    scores = {event.step: event.bits_per_character for event, _ in report.looks}
    samples = [one.event for one in report.log if isinstance(one.event, SampleWritten)]
    if samples:
        every = max(1, math.ceil(len(samples) / _SAMPLES))
        shown = [*samples[:-1:every], samples[-1]]
        rows = [(f"step {one.step:,}", scores.get(one.step), f"{one.prompt}│{one.text}") for one in shown]
        yield Section("What it wrote meanwhile", [Table(["", "held out", "text"], rows)])
    if report.scores is not None and report.scores.samples:
        written = [(one.strategy, f"{one.prompt}│{one.text}") for one in report.scores.samples]
        yield Section("What it writes now", [Table(["strategy", "text"], written)])


def _corpus(report: TrainingReport) -> Table:
    account = report.account
    rows = [("read", account.read), ("for training", account.train), ("held out", account.held_out)]
    return Table(
        ["", "characters", "share", "documents"],
        [
            (name, count.characters, Share(count.characters / max(account.read.characters, 1)), count.documents)
            for name, count in rows
        ],
    )


def _configuration(config: Mapping[str, object]) -> Table:
    """The values that are set, under the names that `--set` takes."""
    kept = {name: config[name] for name in ("trainer", "model", "tokenization", "corpus", "seed", "device")}
    return Table(["key", "value"], list(_flat("", kept)))


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner)
    elif value is not None:
        yield prefix, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _times(events: Sequence[tuple[object, float | None]], whole: float) -> tuple[list[float] | None, str]:
    """The seconds of each event in a unit that fits the whole; None where one of them is not known."""
    size, unit = (3600, "hours") if whole >= 7200 else (60, "minutes") if whole >= 180 else (1, "seconds")
    seconds = [second for _, second in events if second is not None]
    return ([second / size for second in seconds] if len(seconds) == len(events) else None), unit


def _thinned(
    name: str, xs: Sequence[float], ys: Sequence[float], together: Callable[[Sequence[float]], float] = fmean
) -> list[Line]:
    """A line of as many points as can be told apart, each made of its neighbours; none without points."""
    size = _together(len(xs))
    starts = range(0, len(xs), size)
    made = [(fmean(xs[start : start + size]), together(ys[start : start + size])) for start in starts]
    return [Line(name, [x for x, _ in made], [y for _, y in made])] if made else []


def _together(points: int) -> int:
    """How many points of a line become one."""
    return max(1, math.ceil(points / _MOST_POINTS))


def _per(number: float | None, size: float) -> float | None:
    return None if number is None else number / size


def _unit_of_bytes(most: float) -> tuple[int, str]:
    """How many bytes are one of the unit that fits, and its name."""
    return (2**30, "GiB") if most >= 10 * 2**30 else (2**20, "MiB")


def _section(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A section; a component without options may stand there by its name alone."""
    section = config[name]
    return section if isinstance(section, Mapping) else {"name": section}
