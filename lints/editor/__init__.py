"""Shows findings in editors, by the language server protocol."""
