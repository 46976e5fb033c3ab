"""What every process needs and no rule depends on: settings, clock, Postgres, Kafka, telemetry. Layer: infra.

Read `settings.py` first: every environment variable with its meaning.
"""
