"""The processes that run perf tests: how they start, are spoken to, take turns and end."""
