"""Coordinator half of each output format: one file for each, with a ``WRITER``."""
