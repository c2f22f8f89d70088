"""What a configuration resolves to on a machine."""

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.run.build import COMPILE_FROM, resolve_compile, resolve_precision
from alexcli.schema import Precision
from tests.conftest import small


def test_auto_precision_is_bf16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for has in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has: has)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        wanted = Precision.bf16 if has else Precision.float32
        assert (
            resolve_precision(small("trainer.accelerator=cpu", "trainer.precision=auto")) is wanted
        )
        assert resolve_precision(small("trainer.precision=float32")) is Precision.float32


@pytest.mark.parametrize("typed", ["auto", "false", "off"])
def test_a_cpu_compiles_only_when_asked(typed: str) -> None:
    spec = small("trainer.accelerator=cpu", f"trainer.compile={typed}")
    assert resolve_compile(spec, COMPILE_FROM) == "not compiled"


def test_towers_on_several_devices_are_not_compiled() -> None:
    spec = small("trainer.compile=true", "placement=ranks")
    assert resolve_compile(spec, COMPILE_FROM) == "not compiled (placement is not single)"


def test_without_a_compiler_the_step_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder

    def missing() -> str:
        raise RuntimeError("none")

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    found = resolve_compile(small("trainer.compile=true"), 1)
    assert found == "not compiled (there is no C++ compiler)"


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match=r"trainer\.compile=maybe is not one of auto, true, false"):
        resolve_compile(small("trainer.compile=maybe"), 1)
