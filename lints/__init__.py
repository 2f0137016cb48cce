"""Reads training code and says what makes a GPU wait; imports libcst, never torch."""
