"""Bytes on the wire become checked dictionaries here, and dictionaries become bytes, as botocore's models say.

What an operation does, who asks, and which web framework carries the bytes belong elsewhere.
"""
