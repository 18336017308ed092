"""The images of a run: fetched where they have to be, and held back where that is asked for."""

from pathlib import Path

import torch

from training.data.datasets import DataError, ImageSet
from training.data.download import split_reader
from training.errors import OptionError
from training.runs.run import RunConfig
from training.text import printable_path

LEAST = 8  # training images


def images_of(config: RunConfig) -> tuple[ImageSet, ImageSet]:
    """The images to train on, and those to measure on."""
    name, data_dir = config.preset.data, Path(config.data_dir)
    load = split_reader(name, data_dir)
    train = load("train")
    _check_enough(train)
    if config.validation:
        return hold_back(train, config.validation)
    return train, load("test")


def _check_enough(train: ImageSet) -> None:
    """Refuse so few images that nothing could be learned; `LEAST` is enough to try."""
    if len(train) < LEAST:
        raise DataError(
            f"{printable_path(train.name)} has {len(train)} training images, enough to look at; "
            f"training needs {LEAST} or more. Add pictures."
        )


def hold_back(train: ImageSet, n: int) -> tuple[ImageSet, ImageSet]:
    """Split the training images, always in the same way, into a training and a validation part."""
    if not 0 < n < len(train):
        raise OptionError(
            f"--validation {n} is not possible with {len(train):,} training images; choose a "
            f"number between 1 and {len(train) - 1:,}."
        )
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(123))
    return train.take(order[n:]), train.take(order[:n])
