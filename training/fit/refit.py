"""A new encoder for a decoder that is ready: computed from it, trained to it, or both."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, CheckpointError
from training.checkpoint_header import Metrics, Refit
from training.console import progress_bar, say
from training.data.datasets import ImageSet, to_float
from training.data.download import split_reader
from training.errors import OptionError
from training.evaluation.metrics import mean_terms
from training.fit.splits import hold_back
from training.fit.trainer import Trainer
from training.text import printable, printable_path
from training.vae.experts import local_codes, local_encoder
from training.vae.model import VAE
from training.vae.networks import MOST_WIDTH
from training.vae.program_network import PROGRAM
from training.vae.steps import STEPS, Stepped

SOME = 30_000  # training images whose codes say where experts stand


def add_arguments(sub: argparse.ArgumentParser, data_dir: dict[str, Any]) -> None:
    """The options of `python -m training refit-encoder`."""
    sub.add_argument("checkpoint", type=Path)
    sub.add_argument("--data-dir", **data_dir)
    sub.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    sub.add_argument(
        "--experts", type=int, default=0, help="compute so many local ones; 0: keep the network"
    )
    sub.add_argument("--rank", type=int, default=64, help="features that experts see of a picture")
    sub.add_argument("--temperature", type=float, default=0.25, help="of the gate, in nats")
    sub.add_argument("--reach", type=float, default=0.0625, help="of an expert, in a dimension")
    sub.add_argument("--epochs", type=int, default=0, help="of training it to the frozen decoder")
    sub.add_argument("--learning-rate", type=float, default=1e-3)
    sub.add_argument("--elastic", type=float, default=0.02, help="bends input and target alike")
    sub.add_argument("--input-dropout", type=float, default=0.0)
    sub.add_argument(
        "--steps", action="store_true", help="mend each code through a copy of the decoder"
    )
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument(
        "--validation",
        type=int,
        default=0,
        metavar="N",
        help="hold N training images back and report on them instead of the test images",
    )


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint with another encoder, and its metrics on the test images.

    Raises:
        CheckpointError: it cannot be read or written, or has no such encoder.
        OptionError: an option is out of its range.
    """
    _check(args)
    found = checkpoints.load(args.checkpoint)
    _check_model(found, args.experts)
    load = split_reader(found.data, args.data_dir)
    train = load("train")
    train, test = hold_back(train, args.validation) if args.validation else (train, load("test"))
    vae = found.vae
    before = Metrics(*mean_terms(vae, test.images), len(test), args.validation > 0)
    if args.experts:
        vae = with_experts(vae, train.images, args)
    if args.epochs:
        _train(vae, found, train, test, args)
    if args.steps:
        vae = with_steps(vae, found.name)
    kept = checkpoints.as_stored(vae)
    metrics = Metrics(*mean_terms(kept, test.images), len(test), args.validation > 0)
    refit = _record(found, args, len(train), before)
    preset = replace(found.preset, model=kept.config)
    made = replace(found, name=args.out.stem, vae=kept, preset=preset, metrics=metrics, refit=refit)
    out = checkpoints.save(made, args.out)
    say(
        f"{kept.likelihood.total_title} {before.total:.3f} → {metrics.total:.3f} per image over "
        f"{len(test):,} {'held-back' if args.validation else 'test'} images. "
        f"Wrote {printable_path(out)}."
    )


def _record(found: Checkpoint, args: argparse.Namespace, images: int, before: Metrics) -> Refit:
    """What has been done to the encoder, now and, where that still counts, at an earlier time."""
    nothing = Refit(0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0.0, images, args.seed, before)
    made = found.refit or nothing
    if args.experts:  # another encoder: what was done to the one before is over
        made = replace(
            nothing,
            experts=args.experts,
            rank=args.rank,
            temperature=args.temperature,
            reach=args.reach,
            before=made.before,
        )
    if args.epochs:
        made = replace(
            made,
            epochs=made.epochs + args.epochs,
            learning_rate=args.learning_rate,
            elastic=args.elastic,
            input_dropout=args.input_dropout,
            images=images,
            seed=args.seed,
        )
    return replace(made, steps=STEPS if args.steps else 0)


def _check(args: argparse.Namespace) -> None:
    if not args.experts and not args.epochs and not args.steps:
        raise OptionError("Nothing is asked for; give --experts, --epochs or --steps.")
    bounds = {
        "experts": (args.experts, 0, MOST_WIDTH),
        "rank": (args.rank, 1, MOST_WIDTH),
        "temperature": (args.temperature, 1e-3, 1e3),
        "reach": (args.reach, 1e-3, 1e3),
        "epochs": (args.epochs, 0, 1_000_000),
        "learning-rate": (args.learning_rate, 1e-9, 1e3),
        "elastic": (args.elastic, 0, 1),
        "input-dropout": (args.input_dropout, 0, 0.99),
    }
    for name, (value, least, most) in bounds.items():
        if not least <= value <= most:
            raise OptionError(
                f"--{name} {value:g} is not possible; choose a number from {least:g} to {most:,g}."
            )


def _check_model(found: Checkpoint, experts: int) -> None:
    name, config = printable(found.name), found.vae.config
    if config.architecture == PROGRAM:
        raise CheckpointError(
            f"{name} is a network of somebody else, whose encoder stays as it is; name one that "
            "`python -m training fit` has made."
        )
    if not experts:
        return
    fits = (
        config.architecture in ("mlp", "experts")
        and config.prior == "standard-normal"
        and config.likelihood == "bernoulli"
    )
    if not fits:
        raise CheckpointError(
            f"Experts are computed for a decoder 'mlp' with the prior 'standard-normal' and the "
            f"likelihood 'bernoulli'; {name} has {config.architecture!r}, {config.prior!r} and "
            f"{config.likelihood!r}. Leave --experts out and give --epochs."
        )


def with_steps(vae: VAE, name: str) -> VAE:
    """The model with its encoder's guess mended by steps through a copy of its decoder.

    Raises:
        CheckpointError: it is no `mlp` of SiLUs, or has another prior or likelihood.
    """
    try:
        if vae.config.architecture != "mlp":
            raise ValueError(f"architecture {vae.config.architecture!r} has no steps, 'mlp' has.")
        made = VAE(replace(vae.config, architecture="stepped"))
    except ValueError as error:
        raise CheckpointError(f"{printable(name)}: {error}") from None
    made.decoder.load_state_dict(vae.decoder.state_dict())
    assert made.encoder is not None
    assert vae.encoder is not None
    stepped = made.encoder[0]
    assert isinstance(stepped, Stepped)
    stepped.decoder.load_state_dict(vae.decoder.state_dict())
    stepped.first.load_state_dict(vae.encoder.state_dict())
    return made.eval()


def with_experts(vae: VAE, images: Tensor, args: argparse.Namespace) -> VAE:
    """The model with local experts in the place of its encoder, computed from its decoder; uint8
    `images` (N, n) say where codes lie.

    Raises:
        OptionError: there are fewer images than experts, or fewer values than features.
    """
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(args.seed))
    x = to_float(images[order[:SOME]])
    if not args.experts <= len(x) or not args.rank <= vae.shape.size:
        raise OptionError(
            f"--experts {args.experts} and --rank {args.rank} are not possible; choose at most "
            f"{len(x):,}, the number of images, and {vae.shape.size:,}, that of a picture's values."
        )
    with torch.no_grad():
        codes = torch.cat([vae.encode(rows).mu for rows in x.split(4096)])
    places = local_codes(codes, args.experts, args.seed)
    config = replace(vae.config, architecture="experts", encoder_widths=(args.rank, args.experts))
    made = VAE(config)
    made.decoder.load_state_dict(vae.decoder.state_dict())
    encoder = local_encoder(vae.decoder, places, x, args.rank, args.temperature, args.reach)
    assert made.encoder is not None
    made.encoder.load_state_dict(encoder.state_dict())
    return made.eval()


def _train(
    vae: VAE, found: Checkpoint, train: ImageSet, test: ImageSet, args: argparse.Namespace
) -> None:
    """Train the encoder alone, in place: the decoder's weights stay as they are."""
    preset = replace(
        found.preset,
        model=vae.config,
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        schedule="one-cycle",
        elastic=args.elastic,
        input_dropout=args.input_dropout,
        beta=1.0,
        beta_warmup_epochs=0,
        precision="float32",
    )
    vae.decoder.requires_grad_(False)
    title = vae.likelihood.total_title
    with progress_bar(total=args.epochs, unit="epoch") as bar:
        for record in Trainer(vae, preset, train, test, args.seed):
            if record.terms:
                bar.update(1)
                e = record.terms
                say(
                    f"epoch {e.epoch:>4}  {title}  train {e.train_reconstruction + e.train_kl:.2f}"
                    f"  measured {e.test_reconstruction + e.test_kl:.3f}"
                )
    vae.decoder.requires_grad_(True)
