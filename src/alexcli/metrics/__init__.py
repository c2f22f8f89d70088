"""Metrics of class scores: loss, errors, their confidence intervals, confusions, calibration."""
