"""Arrays in, arrays out: the arithmetic. Each has a plain NumPy form, which is the specification."""
