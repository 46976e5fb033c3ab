"""Measurements: how fast the worker is beside the least that its job takes, and beside a program written by hand.

`make bench`, or `python -m bench --help`. Results are printed and left in bench/out/latest.json.
"""
