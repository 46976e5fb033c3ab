"""Lanes, one per (topic, partition): their positions, who holds them, how far they lag. Layer: catalog | lanes.

Read `positions.py` first, then `slice_leases.py`. A position moves by compare-and-set: in the transaction of a
batch, or by `engagement lanes seek`.
"""
