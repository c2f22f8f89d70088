"""What is recorded of the machine."""

import subprocess
from typing import Any

import pytest
import torch

from alexcli.run import environment
from alexcli.run.environment import describe_environment


def test_versions_devices_and_threads_are_recorded() -> None:
    record = describe_environment()
    assert torch.__version__.startswith(record["packages"]["torch"])
    assert record["devices"]
    assert record["threads"] == torch.get_num_threads()


def test_a_processor_is_recorded_with_its_vector_instructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(environment, "processor", lambda: "Example 9000")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert describe_environment()["devices"] == ["Example 9000 (AVX2)"]


def test_code_outside_a_repository_has_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(128, "git")

    monkeypatch.setattr(environment.subprocess, "run", fail)
    assert describe_environment()["git"] is None
