"""Changes of the history's schema, one file each in `versions/`, which alembic runs in turn."""
