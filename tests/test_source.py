"""The source is easy to read and to find one's way in."""

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import FILES, ROOT, SRC, module_name, relative, syntax_tree

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60

# Tests of files that hold nothing but dataclasses; such a test names the modules that it covers.
SHARED_TESTS = {"schema": "tests/schema/test_schema.py", "records": "tests/records/test_records.py"}

# Names that could stand for anything.
VAGUE_NAMES = {
    *("at", "both", "done", "found", "given", "here", "how", "is_", "kept", "known", "made", "of"),
    *("one", "own", "said", "there", "told", "wanted", "what", "who", "why", "words"),
}
MOST_VAGUE_NAMES = 22

COUNTED_NOUN = re.compile(
    r" ((training|validation|class|loader|input|output|feature) )?"
    r"(bits|bytes|channels|chunks|classes|epochs|features|files|folders|images|inputs|jobs|kernels"
    r"|labels|layers|maps|nets|others|parameters|parts|processes|replicas|runs|seeds|steps|towers"
    r"|trainings|units|updates|views|GPUs)\b"
)
MOST_TUPLE_ASSIGNMENTS = 30


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_FILE
    for node in ast.walk(syntax_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, node.name


@pytest.mark.parametrize(
    "path", [path for path in FILES if not path.name.startswith("__")], ids=relative
)
def test_a_file_has_a_test_of_its_name(path: Path) -> None:
    folder = ROOT / "tests" / path.relative_to(SRC).parent
    test = folder / f"test_{path.name}"
    if test.exists():
        return
    shared_test = ROOT / SHARED_TESTS.get(folder.name, "")
    assert shared_test.is_file(), f"{test.relative_to(ROOT)} does not exist"
    assert module_name(path) in shared_test.read_text(encoding="utf-8")


def test_the_tree_of_the_documentation_names_every_file_and_no_other() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = re.search(r"```text\nsrc/alexcli/\n(.*?)```", text, re.DOTALL)
    assert tree is not None
    files = {relative(path) for path in FILES if path.name != "__init__.py"}
    assert set(_files_of_tree(tree.group(1).splitlines())) == files


def _files_of_tree(lines: list[str]) -> Iterator[str]:
    """The files that an indented tree names, two spaces deeper than their folder."""
    folders: list[str] = []
    for line in lines:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        folders = folders[:depth]
        if name.endswith("/"):
            folders.append(name)
        else:
            yield "".join([*folders, name])


def test_names_say_what_they_stand_for() -> None:
    places = Counter(
        f"{relative(path)}: {name}"
        for path in FILES
        for name in _bound_names(syntax_tree(path))
        if name in VAGUE_NAMES
    )
    assert places.total() < MOST_VAGUE_NAMES, places.most_common()


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Every variable that is assigned and every parameter."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def test_a_count_before_a_noun_groups_its_thousands() -> None:
    """`{count:,} images`, or plural(count, "image") where the count may be 1."""
    places = [
        f"{relative(path)}:{node.lineno}: {ast.unparse(value)}{text.value!r}"
        for path in FILES
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.JoinedStr)
        for value, text in itertools.pairwise(node.values)
        if isinstance(value, ast.FormattedValue)
        and isinstance(text, ast.Constant)
        and COUNTED_NOUN.match(text.value)
        and not (value.format_spec and "," in ast.unparse(value.format_spec))
    ]
    assert places == []


def test_assignments_are_made_one_by_one() -> None:
    places = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Tuple)
    ]
    assert len(places) < MOST_TUPLE_ASSIGNMENTS, places


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_an_error_of_a_user_leads_on(path: Path) -> None:
    if module_name(path) == "alexcli.claims.measured":
        return  # its errors are of the ledger in the repository, which no user writes
    for node in ast.walk(syntax_tree(path)):
        is_error = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if is_error and node.func.id in ("UsageError", "RunFailedError"):
            assert "hint" in {keyword.arg for keyword in node.keywords}, f"line {node.lineno}"
