"""Declaring functions as torch operators, which tracing and compilation treat as one unit.

`torch.library.custom_op` does the same, but its first call imports torch's compiler, which would
cost every command two to three seconds. The lower-level functions used here do not import it.
"""

from collections.abc import Callable
from typing import Any

import torch


def declare_operator(
    name: str,
    implementation: Callable[..., Any],
    *,
    fake: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    setup_context: Callable[..., None] | None = None,
) -> Callable[..., Any]:
    """Declare an operator `alexcli::NAME` and return it.

    Args:
        name: of the operator, once in a process.
        implementation: annotated with its types; takes and returns tensors on any device, and
            changes none of its arguments.
        fake: returns the shapes, dtypes and memory formats of the results without computing them.
        backward: takes a context and the gradients of the results, and returns the gradient of
            each argument; None for an operator without a derivative.
        setup_context: takes a context, the arguments and the results, and saves in the context
            what `backward` needs.
    """
    full_name = f"alexcli::{name}"
    torch.library.define(full_name, torch.library.infer_schema(implementation, mutates_args=()))
    torch.library.impl(full_name, "default", implementation)
    torch.library.register_fake(full_name, fake)
    if backward is not None:
        torch.library.register_autograd(full_name, backward, setup_context=setup_context)
    operator: Callable[..., Any] = getattr(torch.ops.alexcli, name).default
    return operator
