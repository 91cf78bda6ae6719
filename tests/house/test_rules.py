"""The rules of the house, checked by a machine and not by good will."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import zaoju

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "engine" / "zaoju"
PLUGINS = ROOT / "plugins"

# Who may import whom inside the engine. A room may import itself, the base, and what is named here.
BASE = {"component", "errors", "files", "launched", "lazy", "workers", "hookspecs", "contracts", "plugins", "config"}
ROOMS = {
    "component": set(),
    "errors": set(),
    "files": {"errors"},
    "launched": {"errors"},
    "lazy": set(),
    "workers": set(),
    "__main__": {"cli"},
    "hookspecs": {"component"},
    "contracts": {"component", "errors", "lazy"},
    "plugins": {"component", "errors", "hookspecs", "contracts"},
    "config": {"component", "errors", "files", "lazy", "contracts", "plugins"},
    "pages": {"errors", "files", "lazy"},
    "corpus": BASE,
    "models": BASE,
    "planning": BASE | {"models"},
    "tokenization": BASE | {"corpus", "models"},
    "training": BASE | {"corpus", "models", "planning", "tokenization"},
    "generation": BASE | {"corpus", "models", "tokenization"},
    "evaluation": BASE | {"corpus", "models", "tokenization", "generation", "training"},
    "pipeline": BASE
    | {"pages", "corpus", "models", "planning", "tokenization", "generation", "training", "evaluation"},
    "testing": BASE | {"corpus", "models", "tokenization", "generation", "training", "evaluation"},
    "cli": {"contracts", "component", "errors"},
}
# These use what `import zaoju` offers, as a program of the user's would.
USERS_OF_PUBLIC_NAMES = {"cli", "__main__"}
LONGEST_FILE = 500
LONGEST_FUNCTION = 70


def python_files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


def imported_modules(tree: ast.AST, *, typing_too: bool = True) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    skipped = set() if typing_too else set(typing_only(tree))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module


def typing_only(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes under `if TYPE_CHECKING:`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for child in node.body:
                yield from ast.walk(child)


def names_of_the_package(tree: ast.AST) -> Iterator[str]:
    """`zaoju.NAME` for every `from zaoju import NAME`, and `zaoju` for `import zaoju`: both reach every room."""
    skipped = set(typing_only(tree))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "zaoju":
            yield from (f"zaoju.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name == "zaoju")


def wrong_direction(room: str, source: str) -> list[str]:
    """The imports of a file in `room` that go against the one direction."""
    allowed = ROOMS[room] | {room}
    tree = ast.parse(source)
    found = []
    if room not in USERS_OF_PUBLIC_NAMES:
        rooms = {f"zaoju.{name}" for name in allowed}
        found += [name for name in names_of_the_package(tree) if name not in rooms]
    for module in imported_modules(tree, typing_too=False):
        parts = module.split(".")
        if parts[0] == "zaoju" and len(parts) > 1 and parts[1] not in allowed:
            found.append(module)
        if parts[0] == "zaoju_builtin":
            found.append(module)
    return found


def room_of(path: Path) -> str:
    return path.relative_to(ENGINE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", list(python_files(ENGINE)), ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_imports_of_the_engine_run_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":  # the lazy list of public names knows every home, and imports none
        return
    assert wrong_direction(room, path.read_text("utf-8")) == []


def test_the_direction_check_sees_a_wrong_import() -> None:
    assert wrong_direction("training", "from zaoju.generation import Engine") == ["zaoju.generation"]
    assert wrong_direction("corpus", "import zaoju_builtin.plugin") == ["zaoju_builtin.plugin"]
    assert wrong_direction("corpus", "def late() -> None:\n    from zaoju.pipeline import api") == ["zaoju.pipeline"]
    assert wrong_direction("corpus", "from zaoju import Engine, config") == ["zaoju.Engine"]
    assert wrong_direction("corpus", "from zaoju import generation") == ["zaoju.generation"]
    assert wrong_direction("training", "import zaoju") == ["zaoju"]
    assert wrong_direction("cli", "from zaoju import Engine") == []


PUBLIC_MODULES = {"zaoju"} | {f"zaoju.{room}" for room in ROOMS if room not in {"cli", "pipeline"}}


def private_imports(source: str) -> list[str]:
    """What a plugin imports from inside the engine instead of from a public place."""
    return [
        module
        for module in imported_modules(ast.parse(source))
        if module.split(".")[0] == "zaoju" and module not in PUBLIC_MODULES
    ]


@pytest.mark.parametrize("path", list(python_files(PLUGINS)), ids=lambda path: path.relative_to(PLUGINS).as_posix())
def test_plugins_import_only_public_names(path: Path) -> None:
    assert private_imports(path.read_text("utf-8")) == []


def test_the_public_check_sees_a_private_import() -> None:
    assert private_imports("from zaoju.generation.loop import DecodeLoop") == ["zaoju.generation.loop"]


@pytest.mark.parametrize("path", list(python_files(ENGINE, PLUGINS)), ids=lambda path: path.name)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.count("\n") <= LONGEST_FILE, "look again: does this file hold more than one idea?"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} does not fit a screen"


def mutable_globals(source: str) -> list[str]:
    """Module-level names bound to an empty container, which is there only to be filled later."""
    found = []
    for node in ast.parse(source).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        empty_literal = isinstance(value, ast.List | ast.Dict | ast.Set) and not ast.unparse(value).strip("[]{}")
        empty_call = isinstance(value, ast.Call) and ast.unparse(value.func) in {"list", "dict", "set", "defaultdict"}
        if empty_literal or empty_call:
            found.append(ast.unparse(node))
        if any(isinstance(child, ast.Global) for child in ast.walk(node)):
            found.append(ast.unparse(node).splitlines()[0])
    return found


@pytest.mark.parametrize("path", list(python_files(ENGINE, PLUGINS)), ids=lambda path: path.name)
def test_no_module_keeps_state(path: Path) -> None:
    assert mutable_globals(path.read_text("utf-8")) == []


def test_the_state_check_sees_a_cache() -> None:
    assert mutable_globals("_CACHE: dict[str, int] = {}") == ["_CACHE: dict[str, int] = {}"]
    assert mutable_globals("def f() -> None:\n    global x\n    x = 1") == ["def f() -> None:"]


def test_init_files_only_name_what_is_public() -> None:
    allowed = ast.Import | ast.ImportFrom | ast.Assign | ast.Expr | ast.If  # an If is `if TYPE_CHECKING:`
    for path in python_files(ENGINE, PLUGINS / "builtin"):
        if path.name != "__init__.py" or path == ENGINE / "__init__.py":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            assert isinstance(node, allowed), f"{path}:{node.lineno} does more than naming"


def test_every_public_name_can_be_imported() -> None:
    for name in zaoju.__all__:
        assert getattr(zaoju, name) is not None
    for module in sorted(PUBLIC_MODULES - {"zaoju"}):
        loaded = import_module(module)
        for name in getattr(loaded, "__all__", []):
            assert getattr(loaded, name) is not None, f"{module}.{name}"


def test_no_lazy_name_is_also_a_module() -> None:
    """Importing the module would put it in the place of the name, whichever comes first."""
    for package in sorted(PUBLIC_MODULES):
        folder = ENGINE.joinpath(*package.split(".")[1:])
        source = folder / "__init__.py"
        if not source.exists() or "lazy_names" not in source.read_text("utf-8"):
            continue
        modules = {path.stem for path in folder.glob("*.py")} | {
            path.name for path in folder.iterdir() if path.is_dir()
        }
        assert set(import_module(package).__all__) & modules == set(), package


def test_the_typing_names_and_the_lazy_names_are_the_same() -> None:
    """An editor sees the imports under TYPE_CHECKING, a program the lazy table: they must not drift apart."""
    tree = ast.parse((ENGINE / "__init__.py").read_text("utf-8"))
    seen = {
        alias.asname or alias.name
        for node in typing_only(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen | {"__version__"} == set(zaoju.__all__)


def test_nothing_committed_names_a_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    homes = ["/" + "home/", "/" + "root/", "/" + "work/"]
    for name in tracked:
        path = ROOT / name
        if path.suffix not in {".py", ".md", ".toml", ".yaml", ".txt", ".sh"} and path.name != "run":
            continue
        text = path.read_text("utf-8")
        assert not [home for home in homes if home in text], f"{name} names a path of one machine"
