"""Training: from images to a checkpoint, alone or in several processes."""
