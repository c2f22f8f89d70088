"""Rows of an epoch, as training reports them."""

from alexcli.records.training import EpochRow

TRAIN = EpochRow(
    step=40,
    epoch=1,
    split="train",
    loss=2.0,
    top1_err=0.8,
    top5_err=0.3,
    lr=0.01,
    images_per_s=1234.5,
    time=3.0,
)
VAL = EpochRow(
    step=40,
    epoch=1,
    split="val",
    loss=1.5,
    top1_err=0.7,
    top5_err=None,
    lr=0.01,
    images_per_s=2000.0,
    time=4.0,
)
STEP = EpochRow(
    step=20,
    epoch=1,
    split="train",
    loss=2.1,
    top1_err=0.85,
    top5_err=None,
    lr=0.01,
    images_per_s=999.0,
    time=1.0,
)
