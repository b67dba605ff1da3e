"""HTTP comes in here and leaves: the door decides whose a request is, the dispatcher answers ours.

Belongs here: hosts, signatures, the way to the neighbours. Does not: what an operation does, nor bytes to dictionaries.
"""
