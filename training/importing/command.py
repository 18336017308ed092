"""The command `import`: somebody else's network, from their Python file and weights."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from training.checkpoint import SUFFIX, unused
from training.console import complain, say
from training.data import command as data_command
from training.errors import OptionError, UserError
from training.files import checkpoint_dir
from training.text import printable

MOST_IMAGES, MOST_NUMBERS = 1000, 2**26  # that are looked at, and their values
TYPES: dict[str, Any] = {"FILE": Path, "N": int}
OPTIONS = (  # group, name, what stands for the value, and its help
    ("network", "weights", "FILE", "its state dict: .pt, .pth, .ckpt or .safetensors"),
    ("network", "args", "JSON", "arguments of the class, as in '{\"latent_dim\": 16}'"),
    ("network", "encoder", "PART", "as in model.enc, or a function of its file; none: without it"),
    ("network", "decoder", "PART", "the same; both are found where they are not named"),
    ("pictures", "data", "NAME", "folder:PATH, zip:PATH, npz:PATH, or a data set, as in mnist"),
    ("asked", "second", "KIND", "the encoder's second output: log_var, log_std, std, var, none"),
    ("asked", "input-range", "RANGE", "of its pictures' values: 0..1, -1..1, imagenet, MEAN/STD"),
    ("asked", "output", "KIND", "of the decoder: logits, 'values 0..1', 'values -1..1', tanh"),
    ("asked", "prior", "NAME", "of z: standard-normal, or normal-M-S"),
    ("asked", "likelihood", "NAME", "bernoulli, gaussian, laplace, or none"),
    ("more", "labels", "NAMES", "of the label that it is given, with commas between; or a count"),
    ("more", "categories", "COUNTS", "options of each categorical latent, with commas between"),
    ("more", "latent", "SIZE", "of a code, of a decoder alone: a number, or CxHxW"),
    ("more", "shape", "CxHxW", "of a picture, of a decoder alone"),
    ("more", "codes", "FILE", "codes (N, d) to show a decoder alone with, a .npy file"),
    ("written", "name", "NAME", "what it is called (default: as its class)"),
    ("written", "out", "FILE", "the checkpoint (default: checkpoints/NAME.safetensors)"),
    ("written", "picture", "FILE", "the reconstructions (default: beside the checkpoint)"),
    ("written", "pictures", "N", "how many pictures go with it (default: 1,000; 0: none)"),
    ("written", "source", "TEXT", "where it comes from"),
    ("written", "licence", "TEXT", "under which licence"),
)


def add_arguments(sub: argparse.ArgumentParser, data_dir: dict[str, Any]) -> None:
    """The options of the command."""
    quiet = argparse.SUPPRESS
    # Else -1..1 would be taken for an option.
    sub._negative_number_matcher = re.compile(r"-\d")
    sub.usage = "%(prog)s FILE.py:CLASS --weights FILE --data NAME [options]"
    sub.epilog = (
        "For example: python -m training import my_model.py:VAE --weights vae.pth --data "
        "folder:pictures. docs/IMPORT.md has more of them, and says what each question means."
    )
    network = sub.add_argument_group("the network")
    network.add_argument(
        *("network",),
        nargs="?",
        default=quiet,
        help="FILE.py:CLASS, FILE.py:FUNCTION, or MODULE:NAME; the file is run by this Python",
    )
    network.add_argument(
        *("--onnx",),
        nargs="+",
        type=Path,
        default=quiet,
        metavar="FILE",
        help="in its place, encoder.onnx decoder.onnx, or the decoder alone",
    )
    pictures = sub.add_argument_group("pictures of the kind that it was trained on")
    groups = {
        "network": network,
        "pictures": pictures,
        "asked": sub.add_argument_group("answers to what is asked"),
        "more": sub.add_argument_group("of labels, categories and decoders alone"),
        "written": sub.add_argument_group("what is written"),
    }
    for group, name, shown, words in OPTIONS:
        kind = TYPES.get(shown, str)
        groups[group].add_argument(f"--{name}", default=quiet, metavar=shown, type=kind, help=words)
    pictures.add_argument("--data-dir", **data_dir)
    data_command.add_picture_options(pictures)
    groups["asked"].add_argument(
        *("--yes",), action="store_true", default=quiet, help="take all proposals, ask nothing"
    )


def run(args: argparse.Namespace) -> None:
    """`python -m training import`.

    Raises:
        UserError: with a sentence that says what to do.
    """
    from training.importing import importing, report, user_module
    from training.importing.interface import arguments
    from training.importing.questions import Import
    from training.importing.taking import take

    given = {
        key: getattr(args, key)
        for key in ("second", "input_range", "output", "prior", "likelihood")
        if hasattr(args, key)
    }
    weights = getattr(args, "weights", None)
    shape = _sides(args, "shape")
    codes = _codes(args)
    network: Any
    if hasattr(args, "onnx"):
        network, own = _onnx(args.onnx)
        encoder, decoder = network.encoder, network.decoder
    else:
        if getattr(args, "network", None) is None:
            raise OptionError("Name the network, as in my_model.py:VAE, or --onnx FILE FILE.")
        network, module, own = user_module.network_of(
            args.network, weights, getattr(args, "args", None)
        )
        encoder, decoder = user_module.both_parts(
            *(network, module, getattr(args, "encoder", None), getattr(args, "decoder", None))
        )
    label = _labels(args)
    alone = getattr(args, "encoder", "") == "none" or (
        encoder is None and decoder is not None and not hasattr(args, "data")
    )
    alone = alone or (isinstance(network, user_module.Pair) and network.encoder is None)
    named = hasattr(args, "encoder") or hasattr(args, "decoder")
    x, found, numbers, data, classes, own_classes = None, None, None, "", (), None
    if not alone:
        images, data = _images(args)
        most = min(MOST_IMAGES, MOST_NUMBERS // images.shape.size)
        classes, own_classes = images.classes, images.labels[:most]
        x, found = report.pictures_of(images.images[:most].reshape(-1, *images.shape.dims), None)
        taken = max(arguments(part) for part in (encoder, decoder, network) if part is not None)
        if not label and taken > 1 < len(images.classes):
            label = images.classes
        if label and len(images.classes) == len(label):
            numbers = images.labels[:most]
    else:
        encoder, (_, found) = None, report.pictures_of(None, shape)
    job = Import(
        *(encoder, decoder, given, _asker(args), x, found, numbers, label),
        _numbers(args, "categories") or None,
        _sides(args, "latent"),
        codes,
        None if named else network,
    )
    done = take(job)
    name = getattr(args, "name", None) or _plain(own)
    out = _place(args, name)
    importing.write(
        *(job, done, out.stem, out),
        data=data,
        source=getattr(args, "source", ""),
        licence=getattr(args, "licence", ""),
        network=Path(args.network).name if ":" in getattr(args, "network", "") else own,
        classes=classes,
        numbers=own_classes,
        most_pictures=getattr(args, "pictures", importing.MOST_PICTURES),
    )
    for option, answer in job.answers:
        told = f" ({job.evidence[option]})" if option in job.evidence else ""
        say(f"  {option.replace('_', '-')}: {answer}{told}")
    for line in (*job.notes, *report.lines(x, done, out, getattr(args, "picture", None))):
        say(line)


def _onnx(paths: list[Path]) -> tuple[Any, str]:
    """Encoder and decoder of ONNX files, and what they are called."""
    from training.importing.onnx_network import OnnxNetwork
    from training.importing.user_module import Pair

    if len(paths) > 2:
        raise OptionError("--onnx takes the encoder's file and the decoder's, or the decoder's.")
    networks = [OnnxNetwork(path).eval() for path in paths]
    return Pair(None if len(paths) == 1 else networks[0], networks[-1]), paths[-1].stem


def _asker(args: argparse.Namespace) -> Any:
    """Who answers: the terminal, or, without one or with --yes, the proposals."""
    from training.importing.questions import Question, proposed

    if hasattr(args, "yes") or not (sys.stdin and sys.stdin.isatty()):
        return proposed

    def ask(question: Question) -> str:
        say("")
        say(f"{question.words} ({question.valid})")
        say(f"  {question.proposal.value}: {question.proposal.evidence}")
        while True:
            try:
                answer = input(f"[{question.proposal.value}] ").strip() or question.proposal.value
                question.read(answer)
                return answer
            except EOFError:
                return question.proposal.value
            except UserError as error:
                complain(str(error))

    return ask


def _images(args: argparse.Namespace) -> tuple[Any, str]:
    from training.data.download import load_split

    if not hasattr(args, "data"):
        raise OptionError(
            "The encoder's ends are found with pictures; name some of the kind that it was trained "
            "on with --data, as in --data folder:PATH or --data mnist; or take the decoder alone "
            "with --encoder none."
        )
    name = data_command.decide(args, args.data)
    found = load_split(name, "test", args.data_dir)
    return (found if len(found) >= 8 else load_split(name, "train", args.data_dir)), name


def _labels(args: argparse.Namespace) -> tuple[str, ...]:
    text = getattr(args, "labels", "")
    if text.isdigit():
        return tuple(map(str, range(int(text))))
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(args: argparse.Namespace, option: str) -> tuple[int, ...]:
    text = str(getattr(args, option, ""))
    parts = [part for part in text.replace("x", ",").replace("×", ",").split(",") if part.strip()]
    if not all(part.strip().isdigit() and 0 < int(part) < 2**24 for part in parts):
        raise OptionError(
            f"--{option} {printable(text, 40)} is not possible; whole numbers above 0 are."
        )
    return tuple(int(part) for part in parts)


def _sides(args: argparse.Namespace, option: str) -> tuple[int, ...] | None:
    found = _numbers(args, option)
    if found and len(found) not in ((3,) if option == "shape" else (1, 2, 3)):
        raise OptionError(f"--{option} has {len(found)} numbers; write it as CxHxW.")
    return found or None


def _codes(args: argparse.Namespace) -> Any:
    if not hasattr(args, "codes"):
        return None
    import numpy as np
    import torch

    from training.files import open_regular
    from training.text import printable_path

    try:
        with open_regular(args.codes) as file:
            found = np.lib.format.read_array(file, allow_pickle=False)
        if found.ndim != 2 or not np.isfinite(found).all():
            raise ValueError(f"its shape is {list(found.shape)}, or a number is not finite")
        return torch.from_numpy(found.astype(np.float32))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise OptionError(
            f"--codes {printable_path(args.codes)} is not possible "
            f"({printable(str(error), 120)}); a .npy file of codes (N, d) is needed."
        ) from None


def _plain(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.lower()).strip("-")
    return kept or "imported"


def _place(args: argparse.Namespace, name: str) -> Path:
    if hasattr(args, "out"):
        if not args.out.name:
            raise OptionError(f"--out {str(args.out)!r} names no file; give it a name.")
        return args.out if args.out.suffix == SUFFIX else args.out.with_name(args.out.name + SUFFIX)
    return unused(checkpoint_dir() / (_plain(name) + SUFFIX))
