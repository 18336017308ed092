"""Shared by all tests."""

import torch

# Small models on shared machines: one thread is faster than two that wait for each other.
torch.set_num_threads(1)
