"""What the kits of all kinds share: which component is meant, how it is built, and whether its options are told."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import ClassVar, TypeVar, cast, get_args

import yaml
from pydantic import ValidationError

from zaoju.contracts import Options
from zaoju.errors import PluginError
from zaoju.plugins import Offer, PluginManager, ResolvedComponent
from zaoju.testing.processes import heavy_imports

T = TypeVar("T")


class ComponentContract:
    """The base of every kit. A subclass says which component it is about, in one of three ways:

    - `component = "my_words"`: the name that a user writes in the config. The package must be installed
      (`pip install -e .`), and then its registration is checked too.
    - `make = MySegmenter`: the class.
    - `make = a function` that takes no arguments and returns the finished component.
    """

    kind: ClassVar[str]
    component: ClassVar[str | None] = None
    make: ClassVar[Callable[..., object] | None] = None

    options: ClassVar[Options] = Options()
    """Other options than the defaults, such as `MyOptions(length=3)`. A function sets them itself."""

    @classmethod
    def build(cls, contract: type[T]) -> T:
        """A new component, built with its options as the engine builds one."""
        built = cls._made_by_function()
        return cls.resolved().build(contract) if built is None else _checked(built, contract)

    @classmethod
    def create(cls, contract: type[T]) -> T:
        """A new component of a kind that is built without arguments."""
        built = cls._made_by_function()
        return cls.resolved().create(contract) if built is None else _checked(built, contract)

    @classmethod
    def resolved(cls) -> ResolvedComponent:
        """The component as plain values, from which any process can build it again."""
        assert (cls.component is None) != (cls.make is None), (
            f'{cls.__name__} must say which component it checks: either `component = "name"` or `make = MyClass`'
        )
        if cls.component is not None:
            written = cls.options.model_dump(mode="json", by_alias=True, exclude_unset=True)
            return PluginManager.discover().resolve(cls.kind, cls.component, written)
        instance = cls._made_by_function()
        made = cast("type", cls.make) if instance is None else type(instance)
        model = cls.model()
        options = model.model_validate(cls.options.model_dump(by_alias=True, exclude_unset=True))
        if instance is not None:
            options = getattr(instance, "options", options)
        values = options.model_dump(mode="json", by_alias=True)
        return ResolvedComponent(
            cls.kind, made.__name__, made.__module__, "not installed", _target(made), _target(model), values
        )

    @classmethod
    def model(cls) -> type[Options]:
        """The model of the component's options; `Options` itself where it takes none."""
        if cls.component is not None:
            return cls.offer().options_model() or Options
        if type(cls.options) is not Options:
            return type(cls.options)
        instance = cls._made_by_function()
        if instance is None:
            return _stated_model(cast("type", cls.make))
        options = getattr(instance, "options", cls.options)
        assert isinstance(options, Options), f"{instance!r} has options that are no zaoju.Options"
        return type(options)

    @classmethod
    def _made_by_function(cls) -> object | None:
        """What `make` gives, where it is a function; None where it is a class or not set."""
        return None if cls.make is None or isinstance(cls.make, type) else cls.make()

    @classmethod
    def offer(cls) -> Offer:
        """The registration of `component`."""
        assert cls.component is not None
        try:
            return PluginManager.discover().find(cls.kind, cls.component)
        except PluginError as error:
            raise AssertionError(
                f"{error} If it is in the package that you test: install that first, `pip install -e .`"
            ) from error

    def test_every_option_has_a_description(self) -> None:
        """`zaoju plugins show` and the JSON Schema print it."""
        model = self.model()
        silent = [name for name, field in model.model_fields.items() if not (field.description or "").strip()]
        assert not silent, f"{model.__name__}: write Field(description=...) for {', '.join(silent)}"

    def test_options_can_be_written_as_yaml(self) -> None:
        """What is read back from a config is the same, and a misspelled option is refused."""
        model = self.model()
        options = self.resolved().options
        read = yaml.safe_load(yaml.safe_dump(dict(options), allow_unicode=True))
        same = model.model_validate(read) == model.model_validate(dict(options))
        assert same, f"{model.__name__}: {dict(options)} reads back from YAML as {read}"
        try:
            model.model_validate({**options, "no_such_option": 1})
        except ValidationError:
            return
        raise AssertionError(f"{model.__name__} takes an unknown option: leave `extra` of its model_config as it is")

    def test_options_and_registration_import_nothing_heavy(self) -> None:
        """They are imported by `zaoju plugins` and `zaoju config check`, which must answer at once."""
        model = self.model()
        modules = [] if model is Options else [model.__module__]
        if self.component is not None:
            offer = self.offer()
            points = entry_points(group="zaoju", name=offer.plugin)
            modules += [point.module for point in points if point.dist is None or point.dist.name == offer.package]
        heavy = heavy_imports(modules) if modules else []
        assert not heavy, f"{' and '.join(modules)} must not import {', '.join(heavy)}: import it where it is used"


def _target(found: type) -> str:
    return f"{found.__module__}:{found.__qualname__}"


def _checked(built: object, contract: type[T]) -> T:
    assert isinstance(built, contract), f"make gave {built!r}, which is no {contract.__name__}"
    return built


def _stated_model(component: type) -> type[Options]:
    """The option model in `class MySegmenter(Segmenter[MyOptions])`, there or in a class above."""
    for one in component.__mro__:
        for base in vars(one).get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, Options):
                    return argument
    return Options
