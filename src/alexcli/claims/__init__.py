"""What the paper and its authors' notes claim, and what was measured of it here."""
