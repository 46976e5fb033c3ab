"""The tracker's script for sites: `tracker.js`, as it is served.

The source is for readers. What is served leaves out lines of comments and indentation: a parser of JavaScript would
save a tenth more, and be one more program that every request's process depends on.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib import resources

_SOURCE = (resources.files(__name__) / "tracker.js").read_text("utf-8")

# No statement of it goes on over a line inside a string or template, so lines can be shortened one by one.
SCRIPT: bytes = re.sub(r"^[ ]*(//.*)?\n?", "", _SOURCE, flags=re.MULTILINE).encode()
# Without a time in its header, so that every process serves the same bytes.
SCRIPT_GZIP: bytes = gzip.compress(SCRIPT, 9, mtime=0)
ETAG: str = f'"{hashlib.sha256(SCRIPT).hexdigest()[:32]}"'
