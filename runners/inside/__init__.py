"""Runs a command of the user with perflint inside of its Python processes."""
