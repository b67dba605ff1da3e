"""What each operation does: one function per operation, one module per family.

Belongs here: the meaning of a request. Does not: bytes, shapes, storage, clocks.
"""
