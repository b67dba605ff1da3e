"""The filter-expression language: grammar, checks, evaluation.

Belongs here: what turns an expression and columns into a boolean array. Does not: rows, requests, files. The way in is
`compile_filter` in evaluate.py; columns.py says what it is given.
https://docs.aws.amazon.com/personalize/latest/dg/filter-expressions.html
"""
