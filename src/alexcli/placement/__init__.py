"""Where the towers live: on one device, on several, in several processes. No Lightning here."""
