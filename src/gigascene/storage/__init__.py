"""Where bytes live, and how a finished file takes its place in one step."""
