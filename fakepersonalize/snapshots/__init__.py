"""Snapshots: everything that the emulator holds in one file, and back.

Belongs here: the format of the file, and what is checked before a file is believed. Does not: HTTP, commands.
"""
