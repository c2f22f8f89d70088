"""From results to text, progress and figures. No torch, so that a result can be drawn anywhere."""
