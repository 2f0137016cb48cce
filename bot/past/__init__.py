"""The history's commands: what is fed to it, what is shown of it, how it is kept in order."""
