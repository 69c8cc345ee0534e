"""One procedural Earth, and every sensor's true-to-format product cut from it."""
