"""Classes and functions out of somebody's own Python file, run in this Python."""

import importlib
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from training.errors import OptionError
from training.importing.exported import ImportRefused, modules_of
from training.importing.finding import PAIRS, parts_of
from training.importing.weights import fit_state, read_state
from training.text import printable, printable_path

WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".onnx", ".h5", ".keras")


class Pair(nn.Module):
    """Encoder and decoder that a function has built, as one module."""

    def __init__(self, encoder: Any, decoder: Any) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


def load_module(place: str) -> ModuleType:
    """The module of a file FILE.py, or of a dotted name.

    Raises:
        ImportRefused: it cannot be run; the sentence has its last line and the error.
    """
    path = Path(place)
    try:
        if path.suffix.lower() in WEIGHTS:
            raise OptionError(
                f"{printable_path(place)} has weights and no class; name the class's file, as "
                f"in my_model.py:VAE --weights {printable_path(place)}; of ONNX files, --onnx "
                "encoder.onnx decoder.onnx."
            )
        if path.suffix != ".py":
            sys.path.insert(0, "")
            return importlib.import_module(place)
        if not path.is_file():
            raise OptionError(
                f"{printable_path(place)} is no file; name the Python file that has the class."
            )
        sys.path.insert(0, str(path.resolve().parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module
    except OptionError:
        raise
    except BaseException as error:  # the file's own code may raise anything, and may exit
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if Path(f.filename).name == path.name]
        lines += [error.lineno] if isinstance(error, SyntaxError) else []
        line = f", line {lines[-1]}" if lines else ""
        raise ImportRefused(
            f"{printable_path(place)} cannot be imported{line}: {type(error).__name__}: "
            f"{printable(str(error), 200).rstrip('.')}.{_remedy(error, path)}"
        ) from None


def _remedy(error: BaseException, path: Path) -> str:
    """What to do where a file is part of a package, or a package is not there."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f" Install {printable(error.name.split('.')[0], 60)} into this Python, or put the "
            "folder that it lies in on its path, as in PYTHONPATH=FOLDER."
        )
    if path.suffix != ".py" or "no known parent package" not in str(error):
        return ""
    top = path.resolve().parent
    names = [top.name, path.stem]
    while (top / "__init__.py").is_file() and (top.parent / "__init__.py").is_file():
        top = top.parent
        names.insert(0, top.name)
    return (
        f" It is part of a package: name it as {printable('.'.join(names), 100)}:CLASS, with "
        f"PYTHONPATH={printable_path(top.parent)}."
    )


def thing_of(module: ModuleType, name: str) -> Any:
    """The class, function or object of a name in a module; without a name the one that can be
    meant.

    Raises:
        OptionError: there is none; the names of those that there are are told.
    """
    if name:
        found = getattr(module, name, None)
        if found is not None:
            return found
    own = {
        key: value
        for key, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and callable(value)
    }
    if not name and "build" in own:
        return own["build"]
    classes = {k: v for k, v in own.items() if inspect.isclass(v) and issubclass(v, nn.Module)}
    whole = [v for v in classes.values() if any(hasattr(v, first) for first, _ in PAIRS)]
    named = [v for k, v in classes.items() if "vae" in k.lower() or "autoencoder" in k.lower()]
    for found in (whole, named, list(classes.values())):
        if not name and len(found) == 1:
            return found[0]
    told = ", ".join(printable(key, 40) for key in list(classes or own)[:12]) or "nothing"
    asked = f"has no {printable(name, 40)}" if name else "has several"
    raise OptionError(
        f"{printable(module.__name__, 40)} {asked}; it has {told}. Name one as FILE.py:NAME."
    )


def made(thing: Any, arguments: str | None) -> Any:
    """The network that a class or a function makes, with arguments as JSON: an object of named
    ones, or a list.

    Raises:
        OptionError: the arguments are not possible.
        ImportRefused: it cannot be made.
    """
    try:
        given = json.loads(arguments) if arguments else {}
    except ValueError as error:
        raise OptionError(
            f"--args is no JSON ({error}); write it as '{{\"latent\": 16}}'."
        ) from None
    if not isinstance(given, dict | list):
        raise OptionError("--args is neither a JSON object nor a list.")
    if isinstance(thing, nn.Module):
        return thing
    try:
        return thing(**given) if isinstance(given, dict) else thing(*given)
    except BaseException as error:  # the user's own code may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        name = getattr(thing, "__name__", "it")
        raise ImportRefused(
            f"{printable(name, 40)}{_signature(thing)} cannot be made: "
            f"{printable(str(error) or type(error).__name__, 200).rstrip('.')}. Give its arguments "
            "with --args, as in --args '{\"latent_dim\": 16}'."
        ) from None


def _signature(thing: Any) -> str:
    try:
        return printable(str(inspect.signature(thing)), 120)
    except (TypeError, ValueError):
        return ""


def network_of(
    place: str, weights: Path | None, arguments: str | None
) -> tuple[nn.Module, ModuleType, str]:
    """The network that FILE.py:NAME makes, with its weights, in evaluation mode; its module, and
    its name.

    Raises:
        OptionError: there is no such thing, or it would be without weights.
        ImportRefused: it cannot be made, or the weights do not fit.
    """
    head, colon, name = place.rpartition(":")
    if not colon or "/" in name or "\\" in name:
        head, name = place, ""
    module = load_module(head)
    thing = thing_of(module, name)
    network = made(thing, arguments)
    if isinstance(network, tuple | list) and len(network) == 2:
        network = Pair(*network)
    if not isinstance(network, nn.Module):
        raise ImportRefused(
            f"{printable(place, 80)} gives a {printable(type(network).__name__)}; a module, or an "
            "encoder and a decoder, are needed."
        )
    if weights is not None:
        fit_state(network, read_state(weights), weights)
    elif inspect.isclass(thing):
        raise OptionError(
            f"A fresh {printable(thing.__name__, 40)} is not trained; name its file of weights "
            "with --weights, or a function that loads them as FILE.py:build."
        )
    for held in (m for part in vars(network).values() if callable(part) for m in modules_of(part)):
        held.eval()
    own = getattr(thing, "__name__", type(network).__name__)
    return network.eval(), module, module.__name__ if own == "build" else own


def part(expression: str, model: nn.Module, module: ModuleType) -> Callable[..., Any]:
    """A part of a model, as model.NAME.NAME, or a function of its file by its name.

    Raises:
        OptionError: there is no such part.
    """
    first, *rest = expression.split(".")
    found: Any = model if first == "model" else getattr(module, first, None)
    if found is None and hasattr(model, first):
        found = getattr(model, first)
    for name in rest:
        found = getattr(found, name, None)
    if not callable(found):
        known = [name for name, _ in model.named_children()]
        known += [n for n in vars(type(model)) if not n.startswith("_") and n != "forward"]
        raise OptionError(
            f"There is no part {printable(expression, 60)}; those of the model are "
            f"{', '.join(printable(f'model.{n}', 40) for n in known[:12])}, and functions of its "
            "file have their names."
        )
    return found


def both_parts(
    model: nn.Module, module: ModuleType, encoder: str | None, decoder: str | None
) -> Any:
    """Encoder and decoder, as they are named or found, each None where it is neither; the encoder
    "none" is not taken.

    Raises:
        OptionError: a part that is named is not there.
        ImportRefused: none is found.
    """
    if encoder == "none":
        whole = parts_of(model, refuse=False)[1] or model  # a generator is a decoder itself
        return None, part(decoder, model, module) if decoder else whole
    given = [None if text is None else part(text, model, module) for text in (encoder, decoder)]
    if given[1] is not None and (given[0] is not None or encoder is None):
        if given[0] is None:
            try:
                given[0] = parts_of(model)[0]
            except ImportRefused:
                return None, given[1]
        return given[0], given[1]
    found = parts_of(model, refuse=False)
    return given[0] or found[0], given[1] or found[1]
