"""Tests of whole commands, run as a user runs them."""
