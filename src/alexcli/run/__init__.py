"""What the commands do: train, evaluate, sweep. Nothing here prints."""
