"""Frozen values and Protocols that the layers pass to one another. No I/O here."""
