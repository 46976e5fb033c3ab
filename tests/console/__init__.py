"""Tests of the console: pages over the real API and database; those in Chromium are named `…_in_the_browser`."""
