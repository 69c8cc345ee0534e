"""Texts that come with scenes: ODL, XML, JSON."""
