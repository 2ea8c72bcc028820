"""Judging: evidence in, verdict out. Pure and total."""
