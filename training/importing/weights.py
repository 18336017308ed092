"""Weights of a network from a file that torch.save wrote: tensors alone, no code of the file's."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.files import open_regular
from training.importing.exported import ImportRefused
from training.text import printable, printable_path

WITHIN = ("state_dict", "model_state_dict", "model", "net", "weights", "ema", "module")
PREFIXES = ("module.", "_orig_mod.", "model.", "vae.", "net.", "network.", "autoencoder.")
SHOWN = 5  # names that a sentence tells


def read_state(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a .pt, .pth, .ckpt or .safetensors file by their names.

    Read with weights_only=True: whatever in the file would call a function is refused, and not run.

    Raises:
        ImportRefused: it cannot be read, would run code, or holds no tensors by names.
    """
    try:
        with open_regular(path) as file:
            if str(path).endswith(".safetensors"):
                import safetensors.torch

                return safetensors.torch.load(file.read())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ImportRefused(
            f"{printable_path(path)} cannot be read ({error.strerror}); name the file of weights "
            "with --weights."
        ) from None
    except pickle.UnpicklingError as error:
        if "global" in str(error).lower() or "torchscript" in str(error).lower():
            raise _unsafe(path, error) from None
        raise ImportRefused(
            f"{printable_path(path)} is damaged, or no file of weights, as torch.save writes it."
        ) from None
    except Exception as error:  # a damaged file raises many kinds
        if "torchscript" in str(error).lower():
            raise _unsafe(path, error) from None
        said = printable(" ".join(str(error).split()), 160).rstrip(".")
        raise ImportRefused(
            f"{printable_path(path)} is damaged, or no file of weights"
            f"{f' ({said})' if ' ' in said else ''}."
        ) from None
    return _state(found, path)


def _unsafe(path: Path | str, error: Exception) -> ImportRefused:
    words = " ".join(str(error).split())
    _, _, named = words.partition("GLOBAL ")
    what = named.split(" ")[0].strip(".,'") if named else ""
    told = f" ({printable(what, 80)})" if what else ""
    if zipfile.is_zipfile(path) and "code/" in " ".join(zipfile.ZipFile(path).namelist()[:50]):
        told = " (it is a TorchScript archive)"
    return ImportRefused(
        f"{printable_path(path)} holds more than weights{told}: it was not opened, since that "
        "could run code from it. Save the weights alone, torch.save(model.state_dict(), PATH), "
        "where you trust it."
    )


def _state(found: Any, path: Path | str) -> dict[str, Tensor]:
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        tensors = {str(k): v for k, v in found.items() if isinstance(v, Tensor)}
        inner = next((found[k] for k in WITHIN if isinstance(found.get(k), Mapping)), None)
        if tensors and (inner is None or len(tensors) >= len(inner)):
            return tensors
        if inner is None:
            break
        found = inner
    keys = ", ".join(printable(str(k), 40) for k in list(found)[:SHOWN]) if found else "nothing"
    raise ImportRefused(
        f"{printable_path(path)} holds no weights by their names, bare or under "
        f"{', '.join(WITHIN[:3])}; it holds {keys}."
    )


def fit_state(
    module: nn.Module, state: Mapping[str, Tensor], path: Path | str = "the file"
) -> None:
    """Give a module its weights, names without what wrappers put before them.

    Raises:
        ImportRefused: a weight is missing, unexpected, or of another shape; the sentence names it.
    """
    wanted = module.state_dict()
    fitted = _renamed(dict(state), set(wanted))
    missing = [name for name in wanted if name not in fitted and not _counter(name)]
    extra = [name for name in fitted if name not in wanted]
    where = printable_path(path)
    own = type(module).__name__
    if missing:
        also = f"; it has {_some(extra)}, which are not the network's" if extra else ""
        raise ImportRefused(
            f"{where} has no weights for {_some(missing)} of {own}{also}. The class may have other "
            "arguments (--args), or the file may be of another network."
        )
    if extra:
        raise ImportRefused(
            f"{where} has weights that {own} does not take: {_some(extra)}. The class may have "
            "other arguments (--args), or the file may be of another network."
        )
    for name, tensor in fitted.items():
        if tuple(tensor.shape) != tuple(wanted[name].shape):
            raise ImportRefused(
                f"{where} has {printable(name)} of the shape {list(tensor.shape)}, and {own} one "
                f"of {list(wanted[name].shape)}. Make the class with other arguments, as in --args "
                "'{\"latent_dim\": 16}'."
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ImportRefused(f"{where} holds NaN or infinity in {printable(name)}.")
    module.load_state_dict(fitted, strict=False)


def _counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _renamed(state: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """The state under the names that fit best: without prefixes, or of one part of a whole."""
    best, most = state, len(wanted & state.keys())
    open_, seen = [state], 0
    while open_ and seen < 64:
        found = open_.pop(0)
        seen += 1
        for prefix in PREFIXES:
            if not any(name.startswith(prefix) for name in found):
                continue
            own = {n.removeprefix(prefix): t for n, t in found.items() if n.startswith(prefix)}
            rest = any(not name.startswith(prefix) for name in found)
            count = len(wanted & own.keys())
            if count > most or (count == most and count and not rest and own.keys() == wanted):
                best, most = own, count
            if not rest or count > 0:
                open_.append(own)
    return best


def _some(names: list[str]) -> str:
    told = ", ".join(printable(name, 60) for name in names[:SHOWN])
    return told if len(names) <= SHOWN else f"{told} and {len(names) - SHOWN} more"
