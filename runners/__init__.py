"""Measures training steps of base and head; only torch_*.py of its parts import torch."""
