"""Properties that hold of any input: it is refused with a message, or used; nothing else happens.

In the suite each property is tried with a few inputs, the same each time. `nox -s fuzz` tries new
ones for ten minutes.
"""
