"""The order of packages: who may import whom, and what is kept out of where."""

import ast
import graphlib
from pathlib import Path

import pytest

from tests.source import (
    FILES,
    SRC,
    imported_modules,
    imported_names,
    module_name,
    relative,
    syntax_tree,
)

# A package, or a file outside packages, imports only from the lines above its own.
ORDER = (
    "errors malloc parent_watch checksum json_text mistaken run_files",
    "files signals",
    "schema",
    "rng tables",
    "records",
    "reporter",
    "model",
    "weights",
    "data",
    "optim losses metrics",
    "placement",
    "lit",
    "analysis",
    "config",
    "run",
    "ablation",
    "claims",
    "bench",
    "render",
    "api",
    "cli",
)
RANKS = {package: rank for rank, line in enumerate(ORDER) for package in line.split()}

# Library -> the packages that alone may import it.
ONLY_IN = {
    "fsspec": {"data"},
    "hydra": {"config"},
    "lightning": {"lit"},
    "matplotlib": {"render"},
    "rich": {"render", "cli"},
    "torchvision": {"data", "bench", "model"},  # model: the nets and weights that it publishes
    "typer": {"cli"},
    "mlflow": {"lit"},
    "tensorboard": {"lit"},
    "wandb": {"lit"},
}
NEVER_IN = {
    "torch": {
        "errors",
        "files",
        "schema",
        "records",
        "tables",
        "reporter",
        "config",
        "render",
        "cli",
    }
}

# What works without Lightning, whose import takes seconds.
WITHOUT_LIT = (
    "alexcli.run.evaluate",
    "alexcli.run.predict",
    "alexcli.run.trained",
    "alexcli.run.analyze",
    *(module_name(path) for path in FILES if relative(path).startswith("analysis/")),
)


def package_of(path: Path) -> str:
    """The package of a source file, or the file's own name outside packages."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_imports_only_from_packages_above_its_own(path: Path) -> None:
    package = package_of(path)
    if package in ("__init__", "__main__"):
        return
    assert package in RANKS, f"{package} has no place in the order"
    for name in imported_modules(path):
        imported_package = name.split(".")[1] if "." in name else package
        if imported_package != package:
            assert RANKS[imported_package] < RANKS[package], f"{package} imports {name}"


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {module_name(path): imported_modules(path) for path in FILES}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


@pytest.mark.parametrize("library", [*ONLY_IN, *NEVER_IN])
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = {
        package_of(path)
        for path in FILES
        if any(name.split(".")[0] == library for name in imported_names(syntax_tree(path)))
    }
    assert users <= ONLY_IN.get(library, users)
    assert not users & NEVER_IN.get(library, set())


@pytest.mark.parametrize("start", WITHOUT_LIT)
def test_no_chain_of_imports_leads_to_lightning(start: str) -> None:
    graph = {module_name(path): imported_modules(path) for path in FILES}
    chains = {start: start}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        assert not module.startswith("alexcli.lit"), chains[module]
        for imported in sorted(graph[module] - chains.keys()):
            chains[imported] = f"{chains[module]} -> {imported}"
            waiting.append(imported)


def test_the_net_knows_nothing_of_devices() -> None:
    for path in (SRC / "model").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for expression in (".to(device", "cuda", "torch.distributed"):
            assert expression not in text, f"{relative(path)}: {expression}"


@pytest.mark.parametrize("package", ["run", "ablation"])
def test_nothing_prints_but_the_command_line(package: str) -> None:
    for path in (SRC / package).rglob("*.py"):
        calls = [
            node
            for node in ast.walk(syntax_tree(path))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        ]
        assert not calls, relative(path)
