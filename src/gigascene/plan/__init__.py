"""From a wish to a plan: find, survey, cut to memory, explain."""
