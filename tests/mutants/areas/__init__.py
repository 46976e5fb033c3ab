"""The mutants by area, a file each."""
