"""Pixels and headers of files. One file for each format, dispatched on magic bytes, never on the suffix."""
