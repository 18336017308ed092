"""The command line: python -m training fit | resume | import | evaluate | exact | compact |
refit-encoder | data | list."""

import argparse
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

from training import checkpoint as checkpoints
from training.checkpoint import SUFFIX, CheckpointError
from training.console import complain, flush, open_standard_streams, say
from training.data import command as data_command
from training.data.datasets import DATASETS, EMBEDDED, FOLDER, OWN, is_own
from training.data.download import split_reader
from training.data.names import parse
from training.device import pick_device
from training.distributed import exit_process, in_team, is_leader
from training.errors import OptionError, UserError
from training.evaluation import classifier as classifier_fit
from training.evaluation import command as evaluation_command
from training.evaluation import exact_command
from training.evaluation.metrics import IWAE_IMAGES, IWAE_SAMPLES
from training.evaluation.sample_quality import FEATURES, SAMPLES
from training.evaluation.table import number
from training.files import checkpoint_dir, folder_of
from training.fit import compact as compact_command
from training.fit import refit as refit_command
from training.fit.estimate import parameters_of
from training.fit.failures import Stopped
from training.fit.session import train, unused_name
from training.importing import command as import_command
from training.presets import PRESETS, Preset, choose_network, on_data
from training.runs.run import MOST_THREADS, Run, RunConfig, free_run
from training.text import printable, printable_path
from training.vae import classifier
from training.vae.likelihoods import LIKELIHOODS
from training.vae.model import INITIALISATIONS
from training.vae.networks import TRAINED
from training.vae.priors import PRIORS


def main(argv: list[str] | None = None) -> int:
    """Run one command; errors that a user can mend are one sentence on standard error."""
    open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without β or − shows their codes
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    finally:
        flush()


def _run(args: argparse.Namespace) -> int:
    try:
        args.run(args)
    except UserError as error:
        complain(f"error: {error}")
        return 2
    except Stopped as stopped:
        return 128 + stopped.args[0] if stopped.args[0] else 0
    except KeyboardInterrupt:
        complain("stopped.")
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

    data_dir = {
        "type": Path,
        "default": folder_of("VAE_DATA_DIR", "data"),
        "help": "where downloaded data sets live",
    }
    device = {"default": "auto", "help": "auto, cpu, cuda or mps"}
    quiet = argparse.SUPPRESS  # no "(default: None)" behind options that defer to the preset

    sub = command("fit", _fit, "Train a model and write its checkpoint.")
    sub.add_argument("preset", help=f"one of: {', '.join(PRESETS)}; or classifier")
    sub.add_argument("--data", default=quiet, help=f"{', '.join(DATASETS)}, {OWN}")
    sub.add_argument("--data-dir", **data_dir)
    data_command.add_picture_options(sub)
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
    sub.add_argument("--beta-start", type=float, default=quiet, help="what it begins with, then")
    sub.add_argument("--architecture", default=quiet, help=", ".join(TRAINED))
    sub.add_argument(
        "--width", type=int, default=quiet, help="units of a layer, or channels of the finest"
    )
    sub.add_argument("--depth", type=int, default=quiet, help="layers, or stages that halve")
    sub.add_argument("--latent-dim", type=int, default=quiet)
    sub.add_argument("--prior", default=quiet, help=f"{', '.join(PRIORS)}, or normal-M-S")
    sub.add_argument("--likelihood", default=quiet, help=", ".join(LIKELIHOODS))
    sub.add_argument("--initialisation", choices=tuple(INITIALISATIONS), default=quiet)
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

    sub = command("import", import_command.run, "Take over a VAE that was trained elsewhere.")
    import_command.add_arguments(sub, data_dir)

    sub = command("evaluate", evaluation_command.run, "Measure checkpoints on test images.")
    sub.add_argument("checkpoint", type=Path, nargs="?")
    sub.add_argument("--all", action="store_true", help="every one in --folder, into its table")
    sub.add_argument("--folder", type=Path, default=checkpoint_dir())
    sub.add_argument("--data", default=quiet, help="default: what the checkpoint was trained on")
    sub.add_argument("--data-dir", **data_dir)
    sub.add_argument("--k", type=int, default=IWAE_SAMPLES, help="samples of the IWAE bound")
    sub.add_argument("--iwae-images", type=int, default=IWAE_IMAGES, help="its first N images")
    sub.add_argument(
        "--images", type=int, default=quiet, help="only the first N test images (FID takes all)"
    )
    sub.add_argument(
        "--fid", choices=(*FEATURES, "none"), default="classifier", help="the features of the FID"
    )
    sub.add_argument(
        "--classifier",
        type=Path,
        default=quiet,
        help="of these pictures, as `fit classifier` makes them (default: the digits' one)",
    )
    sub.add_argument("--samples", type=int, default=SAMPLES, help="pictures that are judged")
    sub.add_argument("--seed", type=_seed, default=0)
    sub.add_argument("--device", **device)
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.add_argument(
        "--keep", action="store_true", help="write its row beside the checkpoint, for the table"
    )

    sub = command(
        "exact", exact_command.run, "Compute log p(x) and all that is between it and the ELBO."
    )
    exact_command.add_arguments(sub, data_dir)

    sub = command(
        "compact",
        compact_command.run,
        "Write a checkpoint whose decoder takes fewer bytes to send.",
    )
    compact_command.add_arguments(sub, data_dir)

    sub = command(
        "refit-encoder",
        refit_command.run,
        "Write a checkpoint with a new encoder for its decoder, which stays as it is.",
    )
    refit_command.add_arguments(sub, data_dir)

    sub = command("data", data_command.run, "Fetch a data set, or show which ones are here.")
    sub.add_argument("name", nargs="?", help=f"one of: {', '.join(DATASETS)}, {OWN}")
    sub.add_argument("--data-dir", **data_dir)
    data_command.add_picture_options(sub)

    sub = command("list", _list, "Show the checkpoints and their figures.")
    sub.add_argument("folder", nargs="?", type=Path, default=checkpoint_dir())
    return parser


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 to {2**63 - 1}")
    return value


def _preset(args: argparse.Namespace) -> Preset:
    """The preset of the command line, with its options put in and checked."""
    if args.preset not in PRESETS:
        raise OptionError(
            f"There is no preset {printable(args.preset)!r}; the valid ones are "
            f"{', '.join(PRESETS)}, and "
            "classifier."
        )
    fields = asdict(PRESETS[args.preset])
    fields |= {name: value for name, value in vars(args).items() if name in fields}
    for name in ("latent_dim", "prior", "likelihood"):
        if hasattr(args, name):
            fields["model"][name] = getattr(args, name)
    try:
        preset = msgspec.convert(fields, Preset)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        option = where.rstrip("`").rpartition(".")[2]
        if option not in vars(args):  # a name in no table; the sentence says which
            name, _, rest = reason.rstrip(".").partition(" ")
            raise OptionError(f"--{name.replace('_', '-')} {rest}.") from None
        value = vars(args).get(option)
        raise OptionError(
            f"--{option.replace('_', '-')} {value} is not possible: "
            f"{reason[:1].lower()}{reason[1:]}."
        ) from None
    data = _data_of(args, preset)
    network = {n: getattr(args, n) for n in ("architecture", "width", "depth") if hasattr(args, n)}
    try:
        chosen = choose_network(preset.model, **network)
    except ValueError as error:
        raise OptionError(f"--{error}") from None
    try:
        return on_data(preset, data, args.data_dir, chosen)
    except ValueError as error:
        raise OptionError(
            f"--data {printable_path(data)} is not possible: the preset's {error}"
        ) from None


def _data_of(args: argparse.Namespace, preset: Preset) -> str:
    """The name of the data set; of a preset for pictures of one's own they are as large as its."""
    if preset.data == FOLDER:
        raise OptionError(
            f"The preset {preset.name} is for pictures of your own; name their folder, as in "
            f"--data {FOLDER}PATH."
        )
    own = PRESETS[args.preset].data == FOLDER and is_own(preset.data)
    if own and not hasattr(args, "size") and parse(preset.data).options.size is None:
        shape = preset.model.image_shape
        args.size = f"{shape.width}x{shape.height}"
    return data_command.decide(args, preset.data)


def _fit(args: argparse.Namespace) -> None:
    if args.preset == classifier.NAME:
        _fit_classifier(args)
        return
    preset, device = _preset(args), pick_device(args.device)
    parameters_of(preset.model)  # too many are told before anything is made
    out = _free_place(args)
    run = Run(getattr(args, "run_dir", None) or free_run(preset.name))
    config = RunConfig(
        preset,
        args.seed,
        str(args.data_dir.resolve()),
        str(device),
        min(torch.get_num_threads(), MOST_THREADS),
        args.validation,
        args.save_every,
        str(out.resolve()) if hasattr(args, "out") else None,
    )
    train(run, config, fresh=True)


def _fit_classifier(args: argparse.Namespace) -> None:
    """Train the classifier and write it; some of the options of `fit` mean nothing to it."""
    takes = {"data", "data_dir", "epochs", "batch_size", "learning_rate", "seed", "out", "preset"}
    takes |= set(data_command.PICTURES)
    usual = {"run", "device", "validation", "save_every"}
    for name in vars(args).keys() - takes - usual:
        raise OptionError(
            f"--{name.replace('_', '-')} is not possible with the classifier; it takes --data, "
            "--data-dir, --epochs, --batch-size, --learning-rate, --seed and --out."
        )
    if args.device not in ("auto", "cpu") or args.validation:
        raise OptionError("The classifier trains on the CPU and has no --validation.")
    given = {
        n: getattr(args, n) for n in ("epochs", "batch_size", "learning_rate") if hasattr(args, n)
    }
    for name, value in given.items():
        if not value > 0:
            raise OptionError(
                f"--{name.replace('_', '-')} {value} is not possible: it must be > 0."
            )
    out, data = _free_place(args), data_command.decide(args, getattr(args, "data", "mnist"))
    load = split_reader(data, args.data_dir)
    train_set, test = load("train"), load("test")
    net = classifier_fit.classifier_of(train_set, args.seed)
    say(
        f"classifier: {len(train_set):,} training and {len(test):,} test images of "
        f"{printable_path(data)} ({net.shape}), {net.classes} classes."
    )
    for report in classifier_fit.fit(net, train_set, test, seed=args.seed, **given):
        say(
            f"epoch {report.epoch} of {report.epochs}: cross-entropy {report.loss:.4f} nats, "
            f"{report.accuracy:.2%} of the test images named, {report.seconds:.0f} s"
        )
    kept = classifier_fit.as_stored(net)
    measured = classifier_fit.accuracy(kept, test)
    classifier_fit.save(kept, out, data, measured)
    say(f"{measured:.2%} of the test images named (as stored). Wrote {out}.")


def _resume(args: argparse.Namespace) -> None:
    run = Run(args.folder)
    config = run.config()
    if not in_team():  # torchrun has given each process its share
        torch.set_num_threads(config.threads)
    status = run.status()
    if status.state == "done" and status.checkpoint and os.path.exists(status.checkpoint):
        say(f"{run.path} is trained to its end; its checkpoint is {status.checkpoint}.")
        return
    train(run, config, finish=args.finish)


def _free_place(args: argparse.Namespace) -> Path:
    """Path of the checkpoint to write: --out, or an unused name in checkpoints/.

    Raises:
        CheckpointError: before any training, where that place cannot be written to.
    """
    if hasattr(args, "out"):
        if not args.out.name:
            raise CheckpointError(f"--out {str(args.out)!r} names no file; give it a name.")
        out = args.out if args.out.suffix == SUFFIX else args.out.with_name(args.out.name + SUFFIX)
    else:
        out = unused_name(args.preset)
    if checkpoints.is_classifier(out) != (args.preset == classifier.NAME) and (
        args.preset != classifier.NAME or out.exists()
    ):
        raise CheckpointError(
            f"{out} is no place for this: the name {classifier.NAME} is the classifier's, and no "
            "model is replaced by one; name another with --out."
        )
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


def _list(args: argparse.Namespace) -> None:
    found = list(checkpoints.list_checkpoints(args.folder))
    if not found:
        raise CheckpointError(
            f"{args.folder} holds no checkpoints; make one with `python -m training fit "
            f"mnist-5k-2d` (data {EMBEDDED}, no network needed)."
        )
    say(f"{'checkpoint':<20}{'latent':>7}{'epochs':>10}{'recon.':>9}{'KL':>8}{'−ELBO':>9}  data")
    for path, item in found:
        if isinstance(item, str):
            say(f"{printable(path.stem):<20} {item}")
            continue
        m = item.metrics
        reconstruction, kl = (number(m.reconstruction if m else None), number(m.kl if m else None))
        config = item.vae.config
        size = f"{config.latent_dim - len(config.choices)}-D"
        epochs = "imported" if item.origin else len(item.history)
        say(
            f"{printable(item.name):<19} {size:>7}{epochs:>10}{reconstruction:>9}{kl:>8}"
            f"{number(item.neg_elbo):>9}  {printable(item.data)}"
        )


if __name__ == "__main__":
    code = main()
    if in_team():
        exit_process(code)
    sys.exit(code)
