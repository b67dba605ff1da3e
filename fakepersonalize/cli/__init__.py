"""The command line; a skin over the server and its admin pages.

Belongs here: arguments, tables and bars. Does not: anything that a client of the server could not do.
"""
