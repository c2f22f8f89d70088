"""Loops over feature maps in channels-last order, which numba compiles to machine code."""
