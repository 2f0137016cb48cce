"""All that talks to GitHub, a file for each thing to ask or tell; nothing is decided here."""
