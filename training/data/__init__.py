"""Data sets of images: names, downloads, augmentation."""
