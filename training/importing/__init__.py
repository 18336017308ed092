"""Networks that somebody else wrote and trained, made into programs and checkpoints."""
