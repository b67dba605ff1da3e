"""Says of files all that is wrong with them before they are uploaded: the server's own checks, with a fix for each.

No rule lives here: what is right or wrong is asked of the rooms that a server asks. Here are the explanations, and
warnings of what is allowed and still rarely meant.
"""
