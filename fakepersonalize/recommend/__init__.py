"""From a campaign, a user and an item to a ranked answer.

Belongs here: models in memory, codes to ids, scores. Does not: requests, SQL on the way of an answer.
"""
