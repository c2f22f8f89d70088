"""From results to tables and progress. No torch here, so that a result can be drawn anywhere."""
