"""What Personalize may do in other services: policies read as AWS reads them, and the checks that jobs ask for.

Nothing here reads or writes data; roles and policies come from `neighbours`.
"""
