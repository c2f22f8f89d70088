"""Weights that others trained, read from their files; nothing in a file is executed."""
