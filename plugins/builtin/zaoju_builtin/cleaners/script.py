"""Traditional and simplified hanzi."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zaoju import Cleaner
from zaoju_builtin.cleaners.options import ScriptOptions

if TYPE_CHECKING:
    from opencc import OpenCC


class ScriptCleaner(Cleaner[ScriptOptions]):
    """Writes all text in one script, by OpenCC's phrases: 頭髮 and 發展 become 头发 and 发展, 乾隆 stays.

    Traditional to simplified loses differences for good, the other way needs guesses. OpenCC is no fixed point
    everywhere, so it is applied until nothing changes any more.
    """

    def __init__(self, options: ScriptOptions) -> None:
        super().__init__(options)
        self._converter = _converter(options.conversion)

    def clean(self, text: str) -> str:
        """The text in the other script; text without hanzi of the first script comes back as it is."""
        seen: list[str] = []
        while text not in seen:
            seen.append(text)
            text = self._converter.convert(text)
        return min(seen[seen.index(text) :])  # of forms that would take turns for ever, always the same one


def _converter(conversion: str) -> OpenCC:
    """The converter of this name that OpenCC brings along.

    OpenCC would first look for a file of this name in the working folder, and take whatever lies there.
    """
    import opencc

    bundled = Path(opencc.__file__).parent / "clib" / "share" / "opencc" / f"{conversion}.json"
    return opencc.OpenCC(str(bundled) if bundled.is_file() else conversion)
