"""A plan made real: coordinate, journal, commit, receipt, capsule."""
