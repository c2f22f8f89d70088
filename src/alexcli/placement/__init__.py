"""Placement of the towers: on one device, on several, or in several processes."""
