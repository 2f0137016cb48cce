"""Remembers results over time; the only home of SQL."""
