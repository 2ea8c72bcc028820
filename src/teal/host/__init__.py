"""This computer: its clock, network, shell, disk and threads."""
