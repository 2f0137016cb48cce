"""The schema's versions; each file says what it changed, and is never edited afterwards."""
