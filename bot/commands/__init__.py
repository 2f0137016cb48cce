"""Commands that people give in comments: what was said, whether it may be done, and doing it."""
