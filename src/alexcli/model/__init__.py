"""The net as a specification, and the module built from it. Nothing here knows of devices."""
