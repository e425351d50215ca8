"""How plldb talks to AWS: sessions and clients, repeated requests, errors in plain words. Pure.

Nothing is imported here: a help page must not pay for AWS.
"""
