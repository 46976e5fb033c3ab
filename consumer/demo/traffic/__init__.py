"""Simulated people and what they do, as CloudEvents on Kafka, good and malformed. Layer: demo.

`engagement simulate` and the demo send it. Read `scenario.py` first, then `people.py`.
"""
