"""Measures training steps of base and head; only torch_*.py import torch."""
