"""errors.yaml: every message is raised somewhere, with all that it names."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from alexcli.errors import UsageError

SRC = Path(__file__).parent.parent / "src" / "alexcli"
ENTRIES = {
    f"{section}.{key}": entry
    for section, inner in yaml.safe_load((SRC / "errors.yaml").read_text("utf-8")).items()
    for key, entry in inner.items()
}
GIVEN = {"word", "known", "near"}  # by `of` itself


def _raised() -> Iterator[tuple[str, set[str], bool]]:
    """Name, keywords, and whether some of them are hidden in a mapping."""
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                first = node.args[0] if node.args else None
                if node.func.attr == "of" and "Error" in ast.unparse(node.func):
                    assert isinstance(first, ast.Constant), f"{path}: a name that is computed"
                    named = {k.arg for k in node.keywords if k.arg}
                    yield str(first.value), named, len(named) < len(node.keywords)


def _fields(entry: dict[str, str]) -> set[str]:
    names = (name for text in entry.values() for _, name, _, _ in string.Formatter().parse(text))
    return {name.partition(".")[0] for name in names if name}


def test_every_message_is_raised_and_every_one_raised_is_there() -> None:
    assert {name for name, _, _ in _raised()} == set(ENTRIES)


@pytest.mark.parametrize(("name", "given", "more"), sorted(_raised(), key=str))
def test_a_message_is_given_what_it_names_and_no_more(
    name: str, given: set[str], more: bool
) -> None:
    fields = _fields(ENTRIES[name])
    assert given - GIVEN <= fields
    assert more or fields <= given | GIVEN
    assert ("near" in ENTRIES[name]) <= ("known" in given)


def test_the_hint_is_the_nearest_known_word_or_else_the_general_one() -> None:
    known = ["alexnet", "vgg16"]
    near = UsageError.of("config.no_choice", name="model", word="alexnt", known=known)
    assert near.message == "model='alexnt' does not exist; there are alexnet, vgg16"
    assert near.hint == "model=alexnet"
    far = UsageError.of("config.no_choice", name="model", word="lenet", known=["zf"])
    assert far.hint == "alexcli config list model"


def test_a_hint_that_comes_out_empty_is_none() -> None:
    assert UsageError.of("config.other", where="", first="bad", hint=None).hint is None


def test_lists_are_counted_and_written_with_commas() -> None:
    error = UsageError.of("init.no_source", layers=["conv1", "conv2"])
    assert error.message == "init.layers=[conv1, conv2] needs a run to copy from"
    few = UsageError.of("data.few_classes", folder="d", classes=["a"])
    assert few.message.startswith("d holds 1 class folder; ")
    none = UsageError.of("data.few_classes", folder="d", classes=[])
    assert none.message.startswith("d holds 0 class folders; ")
    apart = "started as 1 process, but placement=split is one"
    here = SimpleNamespace(size=1)
    assert UsageError.of("placement.processes_alone", here=here, kind="split").message == apart
