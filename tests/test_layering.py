"""The layers of the README's tree: who may import whom, and what is kept out of where."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "alexcli"

# A line imports only from lines above it.
LAYERS = (
    "errors memory schema results",
    "draws",
    "model",
    "data",
    "optim metrics",
    "placement",
    "lit",
    "analysis",
    "config",
    "run",
    "bench",
    "render",
    "cli",
)
RANK = {name: rank for rank, line in enumerate(LAYERS) for name in line.split()}

# Package: where alone it may be imported, lazily or not.
ONLY_IN = {
    "hydra": {"config"},
    "lightning": {"lit", "run"},
    "wandb": {"lit"},
    "typer": {"cli"},
    "rich": {"render", "cli"},
    "torchvision": {"data", "bench", "model"},  # in model, for weights that it publishes
    "matplotlib": {"render"},
    "fsspec": {"data"},
}
NEVER_IN = {
    "torch": {"errors", "schema", "results", "config", "render", "cli"},
    "rich": {"run", "lit", "analysis"},
}
FILES = sorted(SRC.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    """Every imported module, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide the layer"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _layer(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_a_file_imports_only_from_layers_above_its_own(path: Path) -> None:
    layer = _layer(path)
    if layer in ("__init__", "__main__"):
        return
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "alexcli" and len(parts) > 1 and parts[1] in RANK and parts[1] != layer:
            assert RANK[parts[1]] < RANK[layer], f"{layer} imports {name}"


def test_no_two_files_of_a_layer_import_each_other() -> None:
    edges = {
        ".".join(path.relative_to(SRC.parent).with_suffix("").parts): {
            name for name in _imports(path) if name.startswith("alexcli.")
        }
        for path in FILES
    }

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for name in edges.get(start, set()) - seen:
            seen.add(name)
            if name == goal or reaches(name, goal, seen):
                return True
        return False

    assert not [name for name in edges if reaches(name, name, set())]


@pytest.mark.parametrize("package", [*ONLY_IN, *NEVER_IN])
def test_a_package_is_imported_only_where_it_belongs(package: str) -> None:
    users = {
        _layer(path)
        for path in FILES
        if any(name.split(".")[0] == package for name in _imports(path))
    }
    assert users <= ONLY_IN.get(package, users)
    assert not users & NEVER_IN.get(package, set())


def test_the_net_knows_nothing_of_devices() -> None:
    for path in (SRC / "model").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in (".to(device", "cuda", "torch.distributed"):
            assert word not in text, f"{path.name}: {word}"


def test_nothing_under_run_prints() -> None:
    for path in (SRC / "run").glob("*.py"):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        ]
        assert not calls, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, node.name


def test_the_readmes_tree_names_every_file_and_no_other() -> None:
    block = re.search(r"```text\nsrc/alexcli/\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert block is not None
    named, folder = set(), ""
    for line in block.group(1).splitlines():
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        if name.endswith("/"):
            folder = name if depth == 2 else folder
        else:
            named.add(name if depth == 2 else folder + name)
    found = {str(path.relative_to(SRC)) for path in FILES if path.name != "__init__.py"}
    assert named == found
