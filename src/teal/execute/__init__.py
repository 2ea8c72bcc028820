"""Acting: one step at a time, each decided anew from a fresh look."""
