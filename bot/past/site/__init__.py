"""Writes the history as a folder of pages that needs no server: index.html and its data."""
