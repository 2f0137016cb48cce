"""Slower, faster, same or unsure: when to measure on, and what the numbers say. Pure."""
