"""What a configuration resolves to on a machine."""

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.run.resolve import MIN_COMPILED_UPDATES, resolve_compile, resolve_precision
from alexcli.schema import Precision
from tests.conftest import small


def test_auto_precision_is_bf16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    automatic = small("trainer.accelerator=cpu", "trainer.precision=auto")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert resolve_precision(automatic) is Precision.float32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert resolve_precision(automatic) is Precision.bf16
    assert resolve_precision(small("trainer.precision=float32")) is Precision.float32


def test_a_torch_that_cannot_tell_means_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    automatic = small("trainer.accelerator=cpu", "trainer.precision=auto")
    assert resolve_precision(automatic) is Precision.float32


@pytest.mark.parametrize("typed", ["auto", "false", "off"])
def test_a_cpu_compiles_only_when_asked(typed: str) -> None:
    spec = small("trainer.accelerator=cpu", f"trainer.compile={typed}")
    assert resolve_compile(spec, MIN_COMPILED_UPDATES) == "not compiled"


def test_towers_on_several_devices_are_not_compiled() -> None:
    spec = small("trainer.compile=true", "placement=distributed")
    assert resolve_compile(spec, MIN_COMPILED_UPDATES) == "not compiled (placement is not single)"


def test_without_a_compiler_the_step_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder

    def missing() -> str:
        raise RuntimeError("none")

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    state = resolve_compile(small("trainer.compile=true"), 1)
    assert state == "not compiled (there is no C++ compiler)"


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match=r"trainer\.compile=maybe is not one of auto, true, false"):
        resolve_compile(small("trainer.compile=maybe"), 1)
