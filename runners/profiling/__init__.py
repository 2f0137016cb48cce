"""Where a step's time goes: operators and lines, and how two sides differ."""
