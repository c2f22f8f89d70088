"""One file per analysis, each with one public `run`; the file's name is the analysis's name."""
