"""Bodies of tracking calls, in the format of Segment's HTTP tracking API, become events, or refusals. Pure."""
