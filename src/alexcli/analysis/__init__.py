"""Analyses of nets: `alexcli analyze NAME` calls the function `run` of the file NAME.py here.

To add an analysis, add one file with

- a module docstring, whose first line `alexcli analyze help` shows;
- one function `run`, which returns an `Analysis` (see `alexcli.records.analysis`) and says in the
  names of its parameters what it needs;
- if it reads keys of `AnalyzeSpec`, their names in a tuple `KEYS`: `images` and `count` if it calls
  `subject.read_sample()`. Other keys are refused.

| parameter      | what it gets                                                              |
|----------------|---------------------------------------------------------------------------|
| `spec`         | the `AnalyzeSpec` that the KEY=VALUE overrides make                       |
| `model_named`  | a function from the name of a model's configuration to its `ModelSpec`    |
| `model_of_run` | the `ModelSpec` of the run that --run names; None without --run           |
| `subject`      | the trained net of the run that --run names, with its data: a `Subject`   |
| `subjects`     | the nets of all runs that --run names, one after another                  |
| `untrained`    | a net before its first step, or as imported, with its data: a `Subject`   |
| `losses_at`    | a function from learning rates to a `RangeTest`, an update at each        |
| `histories`    | the metrics of the runs that --run names: a list of `RunHistory`          |
| `reached`      | what those runs reached, a list of `RunSummary`; empty without --run      |
| `evaluations`  | the evaluations below --results: a list of rows of `eval --format json`   |
| `check`        | whether --check is given                                                  |

`alexcli.run.analyze` provides them. An analysis computes its numbers, builds tables by the names
of their columns and describes its figure in panels; `alexcli.render` draws it. Titles, captions and
notes stand in its file. One that needs no net imports no torch, so that it starts at once.
"""
