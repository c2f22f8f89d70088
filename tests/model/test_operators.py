"""Operators of torch without the import of its compiler."""

import subprocess
import sys

CODE = """
import sys
import torch
from alexcli.model.lrn import local_response_norm
x = torch.randn(2, 16, 4, 4, requires_grad=True)
local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0).sum().backward()
print("torch._dynamo" in sys.modules, "sympy" in sys.modules)
"""


def test_calling_an_operator_does_not_import_torchs_compiler() -> None:
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert result.stdout == "False False\n", result.stderr
