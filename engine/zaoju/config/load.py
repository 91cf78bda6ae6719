"""From a file, a mapping and `--set` to a validated config that still knows where everything was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from zaoju.config.faults import tell
from zaoju.config.overrides import apply_overrides
from zaoju.config.schema import Config
from zaoju.config.source import KeyPath, Source, read_file, read_mapping
from zaoju.config.wording import faults_of
from zaoju.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A config that agrees with the schema. Whether its components exist, `check` finds out."""

    config: Config
    source: Source
    path: Path | None
    """The file that it came from; None where it came from a program."""

    @property
    def folder(self) -> Path:
        """The base of relative paths: the folder of the file, or the current folder where there is no file."""
        return Path.cwd() if self.path is None else self.path.absolute().parent

    def locate(self, path: KeyPath) -> str:
        """Where a key path was written, to end a message with: ` (config.yaml line 14)`; empty where nobody did."""
        return _locate(self.source, path)


def load_config(
    path: Path | None, overrides: Sequence[str] = (), *, data: Mapping[str, object] | None = None
) -> LoadedConfig:
    """Read a config from the YAML file `path` or from the mapping `data`, with `--set` overrides put in.

    With neither, the config is all defaults. Raises `ConfigError` with everything that is wrong, one line each, with
    file, line and key path.
    """
    if path is not None and data is not None:
        raise ValueError("give a path or data, not both")
    source = read_file(path) if path is not None else read_mapping(data or {})
    source = apply_overrides(source, overrides)
    try:
        config = Config.model_validate(source.values)
    except ValidationError as error:
        faults = faults_of(error, Config, source.values)
        raise ConfigError(tell(faults, lambda key_path: _locate(source, key_path))) from None
    return LoadedConfig(config, source, path)


def _locate(source: Source, path: KeyPath) -> str:
    for length in range(len(path), -1, -1):
        place = source.places.get(path[:length])
        if place is not None:
            return f" ({place})"
    return ""
