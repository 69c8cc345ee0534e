"""What was made, proven: a finished file against its receipt, byte by byte, and decoded again."""
