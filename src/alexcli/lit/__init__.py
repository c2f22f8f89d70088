"""The only place that imports lightning and wandb: training of a net on a data set."""
