"""The gateway in front of models that run in containers: which of them answers which share of the requests."""
