"""Tests of whole commands, as whoever types them sees them."""
