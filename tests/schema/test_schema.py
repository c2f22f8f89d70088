"""What holds for every key of the schema, in whichever file it is declared."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from omegaconf import MISSING, OmegaConf

import alexcli.schema
import alexcli.schema.ablation
import alexcli.schema.analysis
import alexcli.schema.augment
import alexcli.schema.claims
import alexcli.schema.data
import alexcli.schema.eval
import alexcli.schema.execution
import alexcli.schema.model
import alexcli.schema.optim
import alexcli.schema.prepare
import alexcli.schema.train
from alexcli.config.validation import LIMITS
from alexcli.schema import AnalyzeSpec, LedgerSpec, ModelSpec, PrepareSpec, StudySpec, TrainSpec

MODULES = (
    alexcli.schema.ablation,
    alexcli.schema.analysis,
    alexcli.schema.augment,
    alexcli.schema.claims,
    alexcli.schema.data,
    alexcli.schema.eval,
    alexcli.schema.execution,
    alexcli.schema.model,
    alexcli.schema.optim,
    alexcli.schema.prepare,
    alexcli.schema.train,
)


def declared_types(module: ModuleType) -> dict[str, Any]:
    """The dataclasses and enumerations that a module itself declares, by name."""
    return {
        name: member
        for name, member in vars(module).items()
        if inspect.isclass(member)
        and member.__module__ == module.__name__
        and (dataclasses.is_dataclass(member) or issubclass(member, Enum))
    }


DATACLASSES = [
    declared
    for module in MODULES
    for declared in declared_types(module).values()
    if dataclasses.is_dataclass(declared)
]


def undocumented(body: list[ast.stmt]) -> Iterator[str]:
    """The assignments that no docstring follows."""
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        is_documented = (
            isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        )
        if not is_documented:
            yield ast.unparse(statement)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_field_and_every_enumeration_has_a_docstring(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert list(undocumented(tree.body)) == []
    for node in classes:
        assert ast.get_docstring(node), node.name
        assert list(undocumented(node.body)) == [], node.name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_has_a_docstring_that_says_more_than_its_name(module: ModuleType) -> None:
    docstring = (module.__doc__ or "").strip()
    assert docstring.rstrip(".") not in ("", module.__name__)


def test_the_package_exports_every_type_of_its_files() -> None:
    declared = {name for module in MODULES for name in declared_types(module)}
    assert set(alexcli.schema.__all__) == declared


@pytest.mark.parametrize("declared", DATACLASSES, ids=lambda declared: declared.__name__)
def test_a_default_is_within_its_range(declared: Any) -> None:
    for field in dataclasses.fields(declared):
        assert field.metadata.keys() <= LIMITS.keys()
        if field.default in (None, dataclasses.MISSING):
            continue
        for name, limit in field.metadata.items():
            _, holds = LIMITS[name]
            assert holds(field.default, limit), field.name


@pytest.mark.parametrize("declared", DATACLASSES, ids=lambda declared: declared.__name__)
def test_values_can_be_merged_into_a_dataclass(declared: Any) -> None:
    config = OmegaConf.merge(OmegaConf.structured(declared), OmegaConf.structured(declared))
    assert OmegaConf.get_type(config) is declared


@pytest.mark.parametrize("root", [TrainSpec, AnalyzeSpec, PrepareSpec, StudySpec, LedgerSpec])
def test_only_names_sources_and_claims_have_no_default(root: Any) -> None:
    missing = OmegaConf.missing_keys(OmegaConf.structured(root))
    assert missing <= {"model.name", "data.source", "claim"}
    assert ModelSpec.name == MISSING
