"""What takes minutes and is no part of the suite."""
