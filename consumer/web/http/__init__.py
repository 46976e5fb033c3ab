"""What every route needs: authentication, problem details, cursors, ETags, streams, the pool. Layer: web.

Read `middleware.py` first, then `api_route.py` and `auth.py`. Nothing here imports a route.
"""
