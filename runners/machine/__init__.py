"""What this machine is, and whether it is a fair judge: `perflint doctor`."""
