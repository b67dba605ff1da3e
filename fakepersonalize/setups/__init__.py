"""Set-up files: what is to be there before the first call, as one file says it.

Belongs here: reading and checking the file, and making what it names as a client would. Does not: commands, HTTP.
"""
