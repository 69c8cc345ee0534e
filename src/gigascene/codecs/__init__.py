"""Worker half of each writer: display levels in, encoded pieces out."""
