"""Which perf tests a change can affect, and why; the tests held constant on both sides."""
