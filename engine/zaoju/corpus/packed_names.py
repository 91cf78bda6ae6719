"""Which names say that a file is compressed or an archive."""

from __future__ import annotations

from collections.abc import Sequence

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
INSTALL_ZSTANDARD = "pip install 'zaoju[zstd]'"

_SHORT = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz", ".tzst": ".zst"}


def split_compression(name: str) -> tuple[str, str | None]:
    """The name without its compression, and the compression: `a.txt.gz` gives `a.txt` and `.gz`."""
    lower = name.lower()
    for suffix in COMPRESSIONS:
        if lower.endswith(suffix):
            return name[: -len(suffix)], suffix
    for suffix, compression in _SHORT.items():
        if lower.endswith(suffix):
            return f"{name[: -len(suffix)]}.tar", compression
    return name, None


def is_archive(name: str) -> bool:
    """Whether the name is that of a zip or tar file, also of a compressed one."""
    return split_compression(name)[0].lower().endswith((".zip", ".tar"))


def is_packed(name: str) -> bool:
    """Whether the name is that of a compressed file or an archive."""
    return split_compression(name)[1] is not None or is_archive(name)


def is_wanted(name: str, suffixes: Sequence[str]) -> bool:
    """Whether the name ends in one of `suffixes`, when it is unpacked."""
    return split_compression(name)[0].lower().endswith(tuple(suffixes))
