"""The algorithms: the catalogue of recipes, the models behind them, and their training and offline evaluation.

What belongs here computes on arrays of integer codes. Nothing here knows ids, storage, the web or other AWS services.
"""
