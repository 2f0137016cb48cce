"""A small training repository: a language model, an image model, their data and one training loop."""
