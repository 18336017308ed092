"""Networks that somebody else wrote and trained, made into programs and checkpoints."""

from training.importing.importing import import_vae

__all__ = ["import_vae"]
