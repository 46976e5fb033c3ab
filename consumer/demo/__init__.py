"""`engagement demo`: the service in one go, on servers out of wheels, with somebody watching both ends.

    scenario ──► feed ──► broker ──► Worker (the very same) ──► PostgreSQL ──► broker ──► reader
                                         │                          │                       │
                                         └───────► counts ◄─────────┴───── screen ◄─────────┘
                                                     └──► verify ──► summary

Owns that staging and the closing checks. Never does a part of the service's work: what is shown is what the
worker, the database and the topics say, each asked by itself.
"""

from consumer.demo.director import run_demo

__all__ = ["run_demo"]
