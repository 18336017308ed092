"""The command line: python -m training fit | resume | evaluate | data | list."""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

# Before torch is loaded: threads that wait for each other give their core away sooner than they
# would, which matters as soon as somebody watches on the same machine.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import msgspec
import torch
from tqdm import tqdm

from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, CheckpointError
from training.data import (
    DATASETS,
    EMBEDDED,
    FOLDER,
    DataError,
    find,
    load,
)
from training.endings import Stopped
from training.evaluate import Evaluation, evaluate_steps
from training.fitting import say, train, unused_name
from training.images import download_shown, load_split
from training.loop import TrainingError, pick_device
from training.parallel import in_team, is_leader, leave
from training.presets import PRESETS, Preset
from training.priors import PRIORS
from training.runlog import Run, RunConfig, RunError, free_run


def main(argv: list[str] | None = None) -> int:
    """Run one command; errors that a user can mend are one sentence on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without β or − shows their codes
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except (DataError, CheckpointError, TrainingError, RunError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        return 128 + stopped.args[0] if stopped.args[0] else 0
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, text):
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        sub.set_defaults(run=run)
        return sub

    data_dir = {"type": Path, "default": Path("data"), "help": "where downloaded data sets live"}
    device = {"default": "auto", "help": "auto, cpu, cuda or mps"}
    quiet = argparse.SUPPRESS  # no "(default: None)" behind options that defer to the preset

    sub = command("fit", _fit, "Train a model and write its checkpoint.")
    sub.add_argument("preset", help=f"one of: {', '.join(PRESETS)}")
    sub.add_argument("--data", default=quiet, help=f"{', '.join(DATASETS)} or {FOLDER}PATH")
    sub.add_argument("--data-dir", **data_dir)
    sub.add_argument("--epochs", type=int, default=quiet)
    sub.add_argument("--batch-size", type=int, default=quiet)
    sub.add_argument("--learning-rate", type=float, default=quiet)
    sub.add_argument("--weight-decay", type=float, default=quiet)
    sub.add_argument("--input-dropout", type=float, default=quiet)
    sub.add_argument("--elastic", type=float, default=quiet)
    sub.add_argument("--code-scale", type=float, default=quiet)
    sub.add_argument("--beta", type=float, default=quiet, help="weight of the KL term")
    sub.add_argument(
        "--beta-warmup-epochs", type=int, default=quiet, help="epochs until beta is reached"
    )
    sub.add_argument("--latent-dim", type=int, default=quiet)
    sub.add_argument("--prior", default=quiet, help=f"{', '.join(PRIORS)}, or normal-M-S")
    sub.add_argument("--precision", choices=("float32", "bfloat16"), default=quiet)
    sub.add_argument("--seed", type=_seed, default=0)
    sub.add_argument("--device", **device)
    sub.add_argument(
        "--validation",
        type=int,
        default=0,
        metavar="N",
        help="hold N training images back and report on them instead of the test images",
    )
    sub.add_argument(
        "--out",
        type=Path,
        default=quiet,
        help="the checkpoint to write (default: checkpoints/PRESET.safetensors, numbered where "
        "that exists)",
    )
    sub.add_argument(
        "--run-dir",
        type=Path,
        default=quiet,
        help="the folder of the run's log and state (default: runs/PRESET, numbered where that "
        "exists)",
    )

    sub.add_argument(
        "--save-every",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="how often the state is saved that `resume` goes on from",
    )

    sub = command("resume", _resume, "Go on with a run that was stopped or killed.")
    sub.add_argument("folder", type=Path, help="the run's folder, as in runs/NAME")
    sub.add_argument(
        "--finish",
        action="store_true",
        help="train no further; write the checkpoint of what there is",
    )

    sub = command("evaluate", _evaluate, "Measure a checkpoint on test images.")
    sub.add_argument("checkpoint", type=Path)
    sub.add_argument("--data", default=quiet, help="default: what the checkpoint was trained on")
    sub.add_argument("--data-dir", **data_dir)
    sub.add_argument("--k", type=int, default=100, help="samples of the importance-weighted bound")
    sub.add_argument("--images", type=int, default=quiet, help="only the first N test images")
    sub.add_argument("--seed", type=_seed, default=0)
    sub.add_argument("--device", **device)
    sub.add_argument("--json", action="store_true", help="print one JSON object")

    sub = command("data", _data, "Fetch a data set, or show which ones are here.")
    sub.add_argument("name", nargs="?", help=f"one of: {', '.join(DATASETS)}")
    sub.add_argument("--data-dir", **data_dir)

    sub = command("list", _list, "Show the checkpoints and their figures.")
    sub.add_argument("folder", nargs="?", type=Path, default=Path("checkpoints"))
    return parser


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and {2**63 - 1}")
    return value


def _preset(args: argparse.Namespace) -> Preset:
    """The preset of the command line, with its options put in and checked."""
    if args.preset not in PRESETS:
        raise TrainingError(
            f"There is no preset {args.preset!r}; the valid ones are {', '.join(PRESETS)}."
        )
    fields = asdict(PRESETS[args.preset])
    fields |= {name: value for name, value in vars(args).items() if name in fields}
    for name in ("latent_dim", "prior"):
        if hasattr(args, name):
            fields["model"][name] = getattr(args, name)
    try:
        return msgspec.convert(fields, Preset)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        option = where.rstrip("`").rpartition(".")[2]
        value = vars(args).get(option)
        raise TrainingError(
            f"--{option.replace('_', '-')} {value} is not possible: "
            f"{reason[:1].lower()}{reason[1:]}."
        ) from None


def _fit(args: argparse.Namespace) -> None:
    preset, device = _preset(args), pick_device(args.device)
    out = _free_place(args)
    run = Run(getattr(args, "run_dir", None) or free_run(preset.name))
    config = RunConfig(
        preset,
        args.seed,
        str(args.data_dir.resolve()),
        str(device),
        torch.get_num_threads(),
        args.validation,
        args.save_every,
        str(out.resolve()) if hasattr(args, "out") else None,
    )
    train(run, config, fresh=True)


def _resume(args: argparse.Namespace) -> None:
    run = Run(args.folder)
    config = run.config()
    if not in_team():  # torchrun has given each process its share
        torch.set_num_threads(config.threads)
    status = run.status()
    if status.state == "done" and status.checkpoint and Path(status.checkpoint).exists():
        say(f"{run.path} is trained to its end; its checkpoint is {status.checkpoint}.")
        return
    train(run, config, finish=args.finish)


def _free_place(args: argparse.Namespace) -> Path:
    """Where the checkpoint goes: --out, or a name in checkpoints/ that nothing has yet.

    Raises:
        CheckpointError: before any training, where that place cannot be written to.
    """
    if hasattr(args, "out"):
        if not args.out.name:
            raise CheckpointError(f"--out {str(args.out)!r} names no file; give it a name.")
        out = args.out if args.out.suffix == SUFFIX else args.out.with_name(args.out.name + SUFFIX)
    else:
        out = unused_name(args.preset)
    if not is_leader():
        return out
    try:
        if out.is_dir():
            raise CheckpointError(f"{out} is a folder; name another place with --out.")
        out.parent.mkdir(parents=True, exist_ok=True)
        if not out.exists():  # a name that the file system does not take must fail now
            out.touch(exist_ok=False)
            out.unlink()
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise CheckpointError(
            f"{out} cannot be written ({error.strerror}); name another place with --out."
        ) from None
    return out


def _evaluate(args: argparse.Namespace) -> None:
    checkpoint = checkpoints.load(args.checkpoint)
    if args.k < 1:
        raise TrainingError(f"--k {args.k} is not possible; it must be at least 1.")
    device = pick_device(args.device)
    name = getattr(args, "data", checkpoint.data)
    images = load_split(name, "test", args.data_dir).images
    if len(images) < 2:
        raise DataError(f"{name} has {len(images)} test image; an evaluation needs at least two.")
    if hasattr(args, "images"):
        if args.images < 2:
            raise TrainingError(f"--images {args.images} is not possible; it must be at least 2.")
        images = images[: args.images]
    result = None
    with tqdm(total=len(images), unit="image", disable=None, leave=False, delay=1) as bar:
        for item in evaluate_steps(checkpoint.vae.to(device), images.to(device), args.k, args.seed):
            if isinstance(item, Evaluation):
                result = item
            else:
                bar.update(item - bar.n)
    assert result is not None
    if args.json:
        say(json.dumps({"checkpoint": checkpoint.name, "data": name, **asdict(result)}))
        return
    rows = [
        ("reconstruction", f"{result.reconstruction:.2f}", "one sample of z an image"),
        ("KL", f"{result.kl:.2f}", "closed form"),
        ("−ELBO", f"{result.neg_elbo:.2f}", ""),
        ("IWAE bound on −log p(x)", f"{result.iwae:.2f}", f"k = {result.k}"),
        ("active units", f"{result.active_units}", f"of {result.latent_dim}"),
    ]
    say(f"{checkpoint.name} on {result.images:,} test images of {name}, nats per image")
    for title, value, note in rows:
        say(f"  {title:<24}{value:>8}   {note}".rstrip())


def _data(args: argparse.Namespace) -> None:
    if args.name is None:
        for row in DATASETS.values():
            if not row.needs_download:
                state = "embedded, always there"
            elif row.on_disk(args.data_dir, "train") and row.on_disk(args.data_dir, "test"):
                state = f"in {args.data_dir}"
            else:
                state = f"not here; a download of {row.archive_bytes / 1e6:.0f} MB"
            say(f"{row.name:<15}{row.title:<20}{sum(row.size):>7,} images   {state}")
        say(f"{FOLDER + 'PATH':<15}{'your own images':<20}{'':>7}          one folder a class")
        return
    if (
        not args.name.startswith(FOLDER)
        and find(args.name).needs_download
        and not _whole(args.name, args.data_dir)
    ):
        download_shown(args.name, args.data_dir)
    for split in ("train", "test"):
        part = load(args.name, split, args.data_dir)
        say(f"{part.name}: {len(part):,} {split} images of {len(part.classes)} classes")


def _whole(name: str, data_dir: Path) -> bool:
    try:
        load(name, "train", data_dir)
        load(name, "test", data_dir)
    except DataError:
        return False
    return True


def _list(args: argparse.Namespace) -> None:
    found = list(checkpoints.list_checkpoints(args.folder))
    if not found:
        raise CheckpointError(
            f"{args.folder} holds no checkpoints; make one with `python -m training fit "
            f"mnist-5k-2d` (data {EMBEDDED}, no network needed)."
        )
    say(
        f"{'checkpoint':<20}{'latent':>7}{'data':>10}{'epochs':>8}{'recon.':>9}{'KL':>8}{'−ELBO':>9}"
    )
    for path, item in found:
        if isinstance(item, str):
            say(f"{path.stem:<20} {item}")
            continue
        m = item.metrics
        say(
            f"{item.name:<20}{f'{item.vae.config.latent_dim}-D':>7}{item.data:>10}"
            f"{len(item.history):>8}{m.reconstruction:>9.2f}{m.kl:>8.2f}{m.neg_elbo:>9.2f}"
        )


if __name__ == "__main__":
    code = main()
    if in_team():
        leave(code)
    sys.exit(code)
