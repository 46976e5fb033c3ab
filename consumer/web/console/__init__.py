"""The console: web pages for the people who configure scores, work with them and operate the service.

`application.py` has all routes. A page is a function from a `Visit` to a response: it asks the API
(`api_client.py`), as any other client would, and renders a template. So permissions, limits and the words of errors
are the API's, and the console has none of its own. Each folder of Python files is one part of the navigation; its
templates are in the folder of that name below `templates/`.
"""
