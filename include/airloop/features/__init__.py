"""Features: the schema of a model, the user's code, and the one encoding of both into a matrix."""
