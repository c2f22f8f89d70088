"""Configurations: composed from yaml files and typed overrides, checked, compared."""
