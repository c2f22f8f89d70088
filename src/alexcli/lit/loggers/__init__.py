"""What else records a run: each logger gets every line of metrics.jsonl once, also after a kill."""
