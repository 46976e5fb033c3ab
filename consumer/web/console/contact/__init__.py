"""One contact: scores, what they are made of, the timeline, and what can be done with a contact.

`page.py` puts the page together. `history.py` draws how scores went, `why.py` has the lines that add up to a score,
`timeline.py` what happened, by day.
"""

from consumer.web.console.contact.routes import ROUTES

__all__ = ["ROUTES"]
