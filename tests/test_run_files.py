from pathlib import Path

from alexcli import run_files
from alexcli.run.directory import RunDirectory


def test_a_run_directory_is_among_all_runs_by_its_configuration_and_its_checkpoint() -> None:
    run = RunDirectory(Path("runs/quickstart/s0-12345678"))
    run.path.mkdir(parents=True)
    for path in (run.config, run.last, run.best):
        path.touch()
    assert list(Path("runs").glob(run_files.EVERY_RUN)) == [run.config]
    assert list(Path("runs").glob(run_files.EVERY_CHECKPOINT)) == [run.last]
