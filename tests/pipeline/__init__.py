"""Tests of the path on real Postgres, from records to what is committed."""
