"""The public tracker: calls of sites, e-mails and servers with a write key become events of the topic `tracked`.

Read `calls/` first: which events a call makes. It never waits for Postgres; Kafka acknowledges an event before its
caller is answered.
"""
