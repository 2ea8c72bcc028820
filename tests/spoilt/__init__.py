"""Every call of every command spoilt in every way, in memory: the real command line, botocore and the lab's world.

line     the wire: botocore's own events lead each request to the lab's front, and may spoil it
cells    what there is to spoil: commands, their scenes, their calls, the faults
played   one cell, played and judged
"""
