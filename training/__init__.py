"""Trains variational autoencoders and writes them as checkpoints. Arrays and files, no screen."""
