"""Logs, metrics, health, probes, and progress bars of commands. Layer: infra.

Read `metrics.py` first: every series, as docs/contracts.md names them.
"""
