"""The Engagement service: product events in, timelines and lead scores in Postgres, messages out."""
