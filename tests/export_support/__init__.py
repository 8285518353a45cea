"""Small checkpoints with random weights, with the operators and inputs of the real ones."""
