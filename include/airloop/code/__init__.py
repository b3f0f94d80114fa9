"""Python files that a user writes: which of them belong together, and how they are run under a name of their own."""
