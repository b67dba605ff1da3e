"""What exists: the table of kinds, the shelf they stand on, pages of lists.

Belongs here: facts about resources; how they are found, added, removed. Does not: what an operation means by them.
"""
