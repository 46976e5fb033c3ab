"""The Engagement service: domain events in, timelines and lead scores in Postgres, messages out.

    cli                        one module a command
    demo                       the service on embedded servers
    worker | web               the two processes: composition
    ingest | relay | scoring   Kafka → Postgres; Postgres → Kafka; changes that no event brings
    contact_state              what changes under contact locks: dedup keys, entries, scores, their messages
    catalog | lanes            what an account configures; positions and leases of the input
    infra                      settings, Postgres, Kafka, telemetry
    domain                     values and pure rules
    schemas | sql | catalogs   the contract as models; statements and schema; the starting catalog

A package imports from layers below its own, never from one beside it; `make lint` checks that. Read
`ingest/__init__.py` first.
"""
