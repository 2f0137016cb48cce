"""Sets perflint up in somebody's repository: settings, a first perf test, workflows."""
