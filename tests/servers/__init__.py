"""The servers that tests run against: which one, from where, and what can be done to it."""
