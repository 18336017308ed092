"""The device that a model is trained and measured on."""

import torch

from training.errors import OptionError


def pick_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        OptionError: this machine does not have the device.
    """
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if there[d]))
    if not there.get(name, False):
        ready = ", ".join(d for d, ok in there.items() if ok)
        raise OptionError(
            f"The device {name!r} is not available here; the valid ones are auto, {ready}."
        )
    return torch.device(name)
