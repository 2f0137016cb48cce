"""One file per rule; a file placed here is a rule."""
