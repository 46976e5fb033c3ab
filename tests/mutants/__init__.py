"""Mutants: defects on purpose, each of which one named test must notice."""
