"""Measurements that need no test: `python -m benchmarks.NAME`."""
