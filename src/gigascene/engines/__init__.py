"""Where tasks run. One file for each engine with an ``ENGINE``; an engine knows nothing of pixels."""
