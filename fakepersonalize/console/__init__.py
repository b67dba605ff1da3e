"""The teaching web pages: a guest that is handed what it may call.

Belongs here: pages built from two callables. Does not: any import of the rooms it looks at. Nothing yet.
"""
