"""Watching what a released model does: windows, drift, performance, and whether retraining would help."""
