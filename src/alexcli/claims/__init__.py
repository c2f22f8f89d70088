"""The claims of the paper and its authors' notes, and the measurements of them here."""
