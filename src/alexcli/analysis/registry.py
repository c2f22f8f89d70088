"""Which analyses exist, without importing any of them."""

import ast
from pathlib import Path

ANALYSES = {
    path.stem: path
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if "\ndef run(" in path.read_text(encoding="utf-8")
}
"""The file of each analysis by name: every file here that defines `run` is an analysis."""


def summary(name: str) -> str:
    """What an analysis shows: the first line of its file's docstring.

    Args:
        name: the analysis.
    """
    module = ast.parse(ANALYSES[name].read_text(encoding="utf-8"))
    return (ast.get_docstring(module) or "").partition("\n")[0]


def inputs(name: str) -> list[str]:
    """The inputs that an analysis names: the parameters of its function `run`.

    Args:
        name: the analysis.
    """
    module = ast.parse(ANALYSES[name].read_text(encoding="utf-8"))
    (run,) = [
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "run"
    ]
    return [parameter.arg for parameter in [*run.args.args, *run.args.kwonlyargs]]
