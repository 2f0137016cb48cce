"""How results are written for people in a terminal. Pure text."""
