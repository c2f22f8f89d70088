"""Reading how a run went."""

import json

from alexcli.config.mapping import flat, to_mapping
from alexcli.errors import UsageError
from alexcli.records.history import RunHistory
from alexcli.run.directory import RunDirectory


def read_history(run: RunDirectory) -> RunHistory:
    """The setting of a run, and its metrics.

    Raises:
        UsageError: the configuration or the metrics cannot be read.
    """
    try:
        lines = run.metrics.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise UsageError(f"{run.metrics} cannot be read: {error}", hint="--run RUN") from error
    return RunHistory(
        label=run.path.resolve().parent.name,
        settings=flat(to_mapping(run.read_config())),
        rows=rows,
    )
