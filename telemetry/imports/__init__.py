"""Reads results that other tools have saved, as runs of the history; one file per format."""
