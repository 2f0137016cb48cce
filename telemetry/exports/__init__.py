"""Writes values of the history in formats that other tools read; one file per format."""
