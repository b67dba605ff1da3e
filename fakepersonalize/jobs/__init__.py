"""Background work, one file per kind of job: gather, work, record.

Belongs here: what happens between CREATE PENDING and ACTIVE. Does not: when it happens (`lifecycle`).
"""
