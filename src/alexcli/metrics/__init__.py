"""What is measured of class scores: loss, errors, their intervals, confusions and calibration."""
