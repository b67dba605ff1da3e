"""Time and work: clocks, paces, the machine of steps and jobs, runners.

Belongs here: when a status changes and where work runs. Does not: what the work is.
"""
