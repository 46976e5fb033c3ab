"""The HTTP side: the API under `/v1`, who may call it, and how it says what is wrong.

    request ─► guard ─► auth: whose token, which account, which permission ─► routes ─► answer, or a problem

Owns the edge between HTTP and the service. Never holds a rule of scoring or of the catalog: routes call the same
code as the commands do.
"""
