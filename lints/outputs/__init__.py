"""The forms in which findings are told: each file is one of them and has a function `render`."""
