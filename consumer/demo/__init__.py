"""`engagement demo`: the real worker on servers from Python wheels, with simulated traffic and independent checks.

    scenario ──► feed ──► broker ──► Worker (as in production) ──► PostgreSQL ──► broker ──► reader
                                         │                             │                       │
                                         └───────► counts ◄────────────┴───── screen ◄─────────┘
                                                     └──► verify ──► final report

Layer: demo, above worker and web. Read `director.py` first. The figures on the screen come from the worker, the
database and the topics, each read on its own.
"""
