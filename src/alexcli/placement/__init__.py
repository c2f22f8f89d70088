"""Where the towers live: on one device, on several, or in several processes."""
