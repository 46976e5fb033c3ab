"""Segments: saved conditions on contacts, whose members are always those of now.

match.py is what a condition may say, members.py makes SQL of it, stored.py keeps segments, counting.py counts
them. Owns everything about segments but their routes. Never keeps a list of members.
"""
