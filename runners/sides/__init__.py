"""Base and head as files: worktrees, environments, and the proof of which code each side ran."""
