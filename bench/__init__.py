"""Measurements: how fast the worker is beside the least that any program doing its job would have to do.

`make bench`, or `python -m bench --help`. Results are printed and left in bench/out/latest.json.
"""
