"""Deciding: pure and total. Time, chance and ids are arguments; a decision has no error path."""
