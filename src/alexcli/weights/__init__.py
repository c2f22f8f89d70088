"""Reading the weights of external files; nothing in a file is executed."""
