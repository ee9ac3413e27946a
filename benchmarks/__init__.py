"""Measurements of nncore beside other libraries: ``python -m benchmarks``."""
