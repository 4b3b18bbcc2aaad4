"""Measurements: what the figures in docs/benchmarks.md were made with."""
