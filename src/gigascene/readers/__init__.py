"""One file for each format of pixels. To add one, add a file with a ``READER``."""
