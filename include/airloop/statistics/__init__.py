"""Metrics, and how sure one can be of them and of their differences."""
