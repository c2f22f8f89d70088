"""Nets built from a specification: their shapes, layers and towers.

Which device or process holds a tower is decided outside, in `alexcli.placement`.
"""
