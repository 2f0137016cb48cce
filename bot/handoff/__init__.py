"""Carries the result of a run on a stranger's code to the one that may tell about it."""
