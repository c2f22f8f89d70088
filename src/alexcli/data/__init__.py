"""Data sets, their preparation and the loaders that feed them to training."""
