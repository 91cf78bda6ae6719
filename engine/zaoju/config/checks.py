"""Holds a config against the installed plugins: what passes here can run, as far as can be known before it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from zaoju.config.decoding import plan_decoding
from zaoju.config.faults import Fault, FaultsError, tell
from zaoju.config.load import LoadedConfig
from zaoju.config.paths import absolute_path, with_absolute_paths
from zaoju.config.plan import DecodingPlan, Plan
from zaoju.config.preset import DEFAULT_STRATEGY
from zaoju.config.schema import Choice, Config, Decoding
from zaoju.config.source import KeyPath
from zaoju.config.wording import faults_of
from zaoju.errors import ConfigError, PluginError, UserError
from zaoju.plugins import Offer, PluginManager, ResolvedComponent


def check(loaded: LoadedConfig, plugins: PluginManager) -> Plan:
    """The plan for a config. No corpus is read and no component is imported, only option models.

    Raises `ConfigError` with everything that is wrong, one line each: unknown or missing components, options that do
    not fit, components that do not go together, a decoding chain that cannot be.
    """
    config = loaded.config
    checker = _Checker(plugins, loaded.folder)
    readers = checker.choices("reader", config.corpus.readers, ("corpus", "readers"))
    cleaners = checker.choices("cleaner", config.corpus.cleaners, ("corpus", "cleaners"))
    executor = checker.choice("executor", config.corpus.executor, ("corpus", "executor"))
    segmenter = checker.choice("segmenter", config.tokenization.segmenter, ("tokenization", "segmenter"))
    vocabulary = checker.choice("vocabulary", config.tokenization.vocabulary, ("tokenization", "vocabulary"))
    trainer = checker.choice("trainer", config.trainer, ("trainer",))
    trackers = checker.choices("tracker", config.trackers, ("trackers",))
    runner = None if config.runner is None else checker.choice("runner", config.runner, ("runner",))
    checker.needs([*readers, *cleaners], [segmenter])
    checker.needs([segmenter], [vocabulary])
    checker.needs([vocabulary], [trainer])
    decoding = checker.decoding(config.decoding, ("decoding",))
    for position, name in enumerate(config.evaluation.strategies):
        checker.strategy(name, ("evaluation", "strategies", position))
    if checker.faults:
        raise ConfigError(tell(checker.faults, loaded.locate))
    assert executor is not None
    assert segmenter is not None
    assert vocabulary is not None
    assert trainer is not None
    assert decoding is not None
    plan = Plan(
        config,
        readers=tuple(chosen.component for chosen in readers),
        cleaners=tuple(chosen.component for chosen in cleaners),
        executor=executor.component,
        segmenter=segmenter.component,
        vocabulary=vocabulary.component,
        trainer=trainer.component,
        trackers=tuple(chosen.component for chosen in trackers),
        runner=None if runner is None else runner.component,
        decoding=decoding,
    )
    return replace(plan, config=_effective(plan, loaded.folder))


def check_segmenter(loaded: LoadedConfig, plugins: PluginManager) -> ResolvedComponent:
    """The segmenter of a config; what else the config says is not looked at. Raises `ConfigError`."""
    choice = loaded.config.tokenization.segmenter
    return _check_one(loaded, plugins, "segmenter", choice, ("tokenization", "segmenter"))


def check_runner(loaded: LoadedConfig, plugins: PluginManager) -> ResolvedComponent | None:
    """The runner of a config, None where it names none. Raises `ConfigError`."""
    choice = loaded.config.runner
    return None if choice is None else _check_one(loaded, plugins, "runner", choice, ("runner",))


def resolve_choice(plugins: PluginManager, kind: str, given: str | Mapping[str, object]) -> ResolvedComponent:
    """The component that is chosen by a name, or by `{"name": ..., options}`; its relative paths start here.

    Raises `UserError` with everything that is wrong, one line each.
    """
    try:
        choice = Choice.model_validate(given)
    except ValidationError as error:
        raise UserError(f"{kind}: {error.errors()[0]['msg']}, got {given!r}") from None
    checker = _Checker(plugins, Path.cwd())
    chosen = checker.choice(kind, choice, (kind,))
    if chosen is None:
        raise UserError(tell(checker.faults, lambda path: ""))
    return chosen.component


def _check_one(
    loaded: LoadedConfig, plugins: PluginManager, kind: str, choice: Choice, path: KeyPath
) -> ResolvedComponent:
    checker = _Checker(plugins, loaded.folder)
    chosen = checker.choice(kind, choice, path)
    if chosen is None:
        raise ConfigError(tell(checker.faults, loaded.locate))
    return chosen.component


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A choice that stands, and where it was written."""

    offer: Offer
    component: ResolvedComponent
    path: KeyPath


@dataclass
class _Checker:
    """Resolves one choice after the other and gathers what is wrong."""

    plugins: PluginManager
    folder: Path
    faults: list[Fault] = field(default_factory=list)

    def choices(self, kind: str, choices: Sequence[Choice], path: KeyPath) -> list[_Chosen]:
        chosen = (self.choice(kind, choice, (*path, position)) for position, choice in enumerate(choices))
        return [one for one in chosen if one is not None]

    def choice(self, kind: str, choice: Choice, path: KeyPath) -> _Chosen | None:
        """The component of a choice, with absolute paths; None where something is wrong with it."""
        try:
            offer = self.plugins.find(kind, choice.name)
            model = offer.options_model()
            options = choice.options if model is None else with_absolute_paths(model, choice.options, self.folder)
            try:
                return _Chosen(offer, self.plugins.resolve(kind, choice.name, options), path)
            except ValidationError as error:
                assert model is not None
                written = {**options, **choice.options}  # paths as the user wrote them
                self.faults += [fault.below(path) for fault in faults_of(error, model, written)]
        except PluginError as error:
            self.faults.append(Fault(path, str(error)))
        return None

    def needs(self, before: Sequence[_Chosen | None], after: Sequence[_Chosen | None]) -> None:
        """Refuse a component that needs what none of those before it gives."""
        if None in before:
            return
        given = frozenset[str]().union(*(one.offer.component.gives for one in before if one is not None))
        for chosen in after:
            missing = frozenset[str]() if chosen is None else chosen.offer.component.needs - given
            if chosen is not None and missing:
                self.faults.append(Fault(chosen.path, self._unmet(chosen, missing, before)))

    def _unmet(self, chosen: _Chosen, missing: frozenset[str], before: Sequence[_Chosen | None]) -> str:
        """What does not go together, and which other choices would."""
        names = " and ".join(f"{one.offer.kind} {one.component.name!r}" for one in before if one is not None)
        changes = [
            *(self._change(one.offer.kind, missing, gives=True) for one in before if one is not None),
            self._change(chosen.offer.kind, missing, gives=False),
        ]
        advice = ", or ".join(dict.fromkeys(filter(None, changes))) or "nothing that is installed does"
        return f"{chosen.component.name!r} needs {', '.join(sorted(missing))}, which {names} does not give; {advice}"

    def _change(self, kind: str, missing: frozenset[str], *, gives: bool) -> str:
        """Which components of a kind give what is missing, or do without it."""
        components = [offer.component for offer in self.plugins.offers(kind)]
        fitting = [one.name for one in components if (one.gives >= missing if gives else not one.needs & missing)]
        return f"change the {kind} to {' or '.join(fitting)}" if fitting else ""

    def decoding(self, decoding: Decoding, path: KeyPath) -> DecodingPlan | None:
        """The plan of a `decoding` section; None where something is wrong with it."""
        try:
            return plan_decoding(self.plugins, decoding, self.folder)
        except FaultsError as error:
            self.faults += [fault.below(path) for fault in error.faults]
        except PluginError as error:
            self.faults.append(Fault(path, str(error)))
        return None

    def strategy(self, name: str, path: KeyPath) -> None:
        """Refuse the name of a strategy that cannot be used."""
        try:
            plan_decoding(self.plugins, Decoding(strategy=name), self.folder)
        except FaultsError as error:
            self.faults += [Fault(path, fault.message) for fault in error.faults]
        except PluginError as error:
            self.faults.append(Fault(path, str(error)))


def _effective(plan: Plan, folder: Path) -> Config:
    """The config as it acts, with nothing left to default."""
    config = plan.config
    corpus, tokenization, model = config.corpus, config.tokenization, config.model
    readers = tuple(map(_filled, corpus.readers, plan.readers))
    cleaners = tuple(map(_filled, corpus.cleaners, plan.cleaners))
    executor = _filled(corpus.executor, plan.executor)
    segmenter = _filled(tokenization.segmenter, plan.segmenter)
    vocabulary = _filled(tokenization.vocabulary, plan.vocabulary)
    init_from = None if model.init_from is None else absolute_path(model.init_from, folder)
    return config.model_copy(
        update={
            "run": absolute_path(config.run, folder),
            "corpus": corpus.model_copy(update={"readers": readers, "cleaners": cleaners, "executor": executor}),
            "tokenization": tokenization.model_copy(update={"segmenter": segmenter, "vocabulary": vocabulary}),
            "model": model.model_copy(update={"init_from": init_from}),
            "trainer": _filled(config.trainer, plan.trainer),
            "trackers": tuple(map(_filled, config.trackers, plan.trackers)),
            "runner": None if config.runner is None or plan.runner is None else _filled(config.runner, plan.runner),
            "decoding": _filled_decoding(config.decoding, plan.decoding),
        }
    )


def _filled(choice: Choice, component: ResolvedComponent) -> Choice:
    return Choice.model_validate({"name": choice.name, **component.options})


def _filled_decoding(decoding: Decoding, plan: DecodingPlan) -> Decoding:
    settings = {**decoding.model_dump(), **plan.options}
    if decoding.chain is None:
        settings["strategy"] = decoding.strategy or DEFAULT_STRATEGY
    else:
        default = None if plan.selector is None else plan.selector.name
        settings["selector"] = default if decoding.selector is None else decoding.selector
    if decoding.proposer is not None and plan.proposer is not None:
        settings["proposer"] = _filled(decoding.proposer, plan.proposer)
    if decoding.constraint is not None and plan.constraint is not None:
        settings["constraint"] = _filled(decoding.constraint, plan.constraint)
    return Decoding.model_validate(settings)
