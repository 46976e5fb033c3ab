"""Defects on purpose: each a patch that exactly the test it names has to notice."""
