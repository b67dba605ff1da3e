"""The filter-expression language: grammar, checks, evaluation.

Belongs here: what turns an expression and columns into a boolean array. Does not: rows, requests, files. Nothing yet.
"""
