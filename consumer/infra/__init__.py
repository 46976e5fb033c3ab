"""Technical services of every process: settings, clock, Postgres, Kafka, telemetry. Layer: infra.

Read `settings.py` first: every environment variable with its meaning.
"""
