"""The HTTP API under `/v1`: authentication, routes, problem details.

    request ─► middleware ─► auth: token, account, permission ─► route ─► answer or problem

Never holds a rule of scoring or of the catalog: routes call the same code as the commands do. Layer: worker | web.
Read `app.py` first, then `http/__init__.py` and `api/__init__.py`.
"""
