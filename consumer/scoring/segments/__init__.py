"""Segments: saved conditions on contacts. Members are computed when asked for; no list of them is stored.

Read `definition.py` first: it is what a condition may say. `member_sql.py` compiles it to SQL, `repository.py`
stores segments, `count_members.py` counts members, `preview_crossings.py` finds those that enter or leave by a
publish.
"""
