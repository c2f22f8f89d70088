"""What a run is certain to take of the memory."""

import re
from dataclasses import replace

import pytest

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.run import memory
from alexcli.run.memory import GIB, check_evaluation, check_images, check_training, training_memory
from alexcli.schema import TrainSpec
from tests.conftest import small


@pytest.fixture(autouse=True)
def _four_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has four of them."""
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * GIB)


def check(*overrides: str, images: int = 1000, gpu_bytes: int | None = None) -> None:
    check_training(small(*overrides), images, bf16=False, gpu_bytes=gpu_bytes)


def refusal(*overrides: str, images: int = 1000, gpu_bytes: int | None = None) -> UsageError:
    with pytest.raises(UsageError) as refused:
        check(*overrides, images=images, gpu_bytes=gpu_bytes)
    return refused.value


def test_the_net_of_the_paper_takes_what_its_parameters_and_outputs_take() -> None:
    spec = compose(["data=folder", "model=alexnet"], TrainSpec)
    least = training_memory(spec, 10**6, bf16=False, on_gpu=False)
    assert least.parameters == 12 * 60_965_224  # weights, gradients and momentum
    neurons = 290_400 + 186_624 + 64_896 + 64_896 + 43_264 + 4096 + 4096 + 1000
    crop = 4 * 3 * spec.model.input.size**2
    assert least.image == 4 * neurons + crop + 3 * 256**2
    assert least.batch == 128
    assert training_memory(spec, 50, bf16=False, on_gpu=False).batch == 50
    halved = training_memory(spec, 10**6, bf16=True, on_gpu=False)
    assert halved.parameters == least.parameters
    assert halved.image < least.image


def test_update_rules_keep_as_much_as_they_need() -> None:
    def copies(*overrides: str) -> float:
        least = training_memory(small(*overrides), 100, bf16=False, on_gpu=False)
        weights = training_memory(
            small("optim.kind=sgd", "optim.momentum=0"), 100, bf16=False, on_gpu=False
        )
        return 2 * least.parameters / weights.parameters

    assert copies("optim.kind=adam") == 4
    assert copies("optim.kind=paper_sgd", "optim.momentum=0") == 2
    assert copies("optim.kind=paper_sgd", "optim.momentum=0.5") == 3
    assert copies("optim.kind=sgd", "optim.momentum=0.5") == 3
    assert copies("optim.groups.none={pattern: x, lr: {base: 0}}") == 1


def test_a_net_that_is_too_wide_is_refused_with_the_width_that_fits() -> None:
    error = refusal("model.width=1000")
    assert re.search(r"model.width=1000: .* take [\d,.]+ GiB of memory, and this", error.message)
    assert "this machine has 4.0 GiB for it" in error.message
    width = re.fullmatch(r"model.width=([\d.]+) fits", error.hint or "")
    assert width is not None
    check(f"model.width={width[1]}")
    refusal(f"model.width={1.2 * float(width[1])}")


def test_a_batch_that_is_too_large_is_refused_with_the_one_that_fits() -> None:
    error = refusal("optim.batch_size=1000000", images=10**6)
    batch = re.fullmatch(r"optim.batch_size=(\d+) fits", error.hint or "")
    assert batch is not None
    check(f"optim.batch_size={batch[1]}", images=10**6)
    refusal(f"optim.batch_size={2 * int(batch[1])}", images=10**6)
    check("optim.batch_size=1000000", images=1000)


def test_images_that_no_memory_holds_leave_nothing_to_propose() -> None:
    error = refusal("data.size=1000000", "model=resnet18")
    assert error.hint == "lower model.width, model.input.size, data.size or optim.batch_size"


def test_a_gpu_has_memory_of_its_own_and_a_placement_divides_what_is_taken() -> None:
    assert "this GPU has 1.0 GiB" in refusal("model.width=30", gpu_bytes=GIB).message
    check("model.width=30", gpu_bytes=100 * GIB)
    spec = replace(small("model=alexnet", "placement=split"))
    whole = training_memory(spec, 128, bf16=False, on_gpu=False)
    part = training_memory(spec, 128, bf16=False, on_gpu=True)
    assert part.parameters < whole.parameters


def test_of_several_machines_each_takes_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = training_memory(small(), 128, bf16=False, on_gpu=False).parameters
    sizes = {"RANK": "0", "WORLD_SIZE": "8", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    for name, value in sizes.items():
        monkeypatch.setenv(name, value)
    assert training_memory(small(), 128, bf16=False, on_gpu=False).parameters == whole // 4
    assert training_memory(small(), 128, bf16=False, on_gpu=True).parameters == whole // 8


def test_embedded_images_are_refused_with_the_count_that_fits() -> None:
    with pytest.raises(UsageError) as refused:
        check_images(small("data.train_count=100000000"))
    assert "100,000,000 + 60 images of 36 pixels" in refused.value.message
    assert "this machine has 4.0 GiB" in refused.value.message
    count = re.fullmatch(r"data.train_count=(\d+) fits", refused.value.hint or "")
    assert count is not None
    check_images(small(f"data.train_count={count[1]}"))
    with pytest.raises(UsageError):
        check_images(small(f"data.train_count={int(count[1]) * 11 // 10}"))


def test_test_images_count_where_they_are_drawn() -> None:
    overrides = ["data.test_count=2000000"]
    check_images(small(*overrides, "eval.test_at_end=false"))
    with pytest.raises(UsageError) as refused:
        check_images(small(*overrides, "eval.test_at_end=true"))
    assert "2,000,000 to test" in refused.value.message


def test_where_nothing_is_known_of_the_memory_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    check("model.width=1000")
    check_images(small("data.train_count=100000000"))


def evaluation_refusal(*overrides: str, images: int = 10**6, on_gpu: bool = False) -> UsageError:
    spec = compose(["data=folder", "model=alexnet", *overrides], TrainSpec)
    with pytest.raises(UsageError) as refused:
        check_evaluation(spec, images, local_towers=2, bf16=False, on_gpu=on_gpu)
    return refused.value


def test_an_evaluation_that_is_too_large_is_refused_with_the_pass_that_fits() -> None:
    error = evaluation_refusal("eval.max_batch=9000", "eval.batch_size=9000")
    inputs = 9000 * (4 * 290_400 + 4 * 3 * 227**2)
    needed = 4 * 60_965_224 + 9000 * 3 * 256**2 + inputs
    assert f"{needed / GIB:.1f} GiB of memory, and this machine has 4.0 GiB" in error.message
    assert error.hint is not None
    fits = re.fullmatch(r"eval\.max_batch=(\d+) fits", error.hint)
    assert fits is not None
    spec = compose(["data=folder", "model=alexnet", f"eval.max_batch={fits[1]}"], TrainSpec)
    spec = replace(spec, eval=replace(spec.eval, batch_size=9000))
    check_evaluation(spec, 10**6, local_towers=2, bf16=False, on_gpu=False)
    check_evaluation(spec, 10**6, local_towers=2, bf16=False, on_gpu=True)


def test_a_net_of_a_stranger_that_is_too_wide_is_refused_before_it_is_made() -> None:
    for on_gpu in (False, True):
        error = evaluation_refusal("model.width=100", images=1, on_gpu=on_gpu)
        assert error.hint == "use a machine with more memory; no key makes a trained net smaller"


def test_few_images_make_no_large_pass() -> None:
    spec = compose(["data=folder", "eval.max_batch=9000", "eval.batch_size=9000"], TrainSpec)
    check_evaluation(spec, 10, local_towers=2, bf16=False, on_gpu=False)
