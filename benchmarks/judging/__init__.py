"""Simulations of decisions on real data, one file a section; see ``benchmarks/judgement.py``."""
