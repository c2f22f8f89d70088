"""The source files, and what they import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "alexcli"
FILES = sorted(SRC.rglob("*.py"))


def relative(path: Path) -> str:
    """A source file's name within the package, such as `cli/main.py`."""
    return path.relative_to(SRC).as_posix()


def module_name(path: Path) -> str:
    """The name under which a source file is imported."""
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@cache
def syntax_tree(path: Path) -> ast.Module:
    """A source file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_names(tree: ast.AST) -> Iterator[str]:
    """What is imported anywhere below a node, in functions too.

    `from a.b import c` yields `a.b` and `a.b.c`, either of which may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides its package"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """The modules of alexcli that a source file imports, those inside functions too."""
    modules = {module_name(file) for file in FILES}
    imported: set[str] = set()
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                imported.add(member if member in modules else node.module)
    return frozenset(imported & modules)
