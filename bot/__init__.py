"""Tells pull requests what was found; only github.py talks to GitHub."""
