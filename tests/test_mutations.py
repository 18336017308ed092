"""Mutations of all that strangers write, on disk or in an address: each reading ends in a value or
in one sentence.

MUTATIONS says how many (100,000), MUTATION_SEED with which seed; a day has its own, and it is
printed, so that a failure can be had again.
"""

import datetime
import io
import json
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer import blobs
from explorer.session import view_state
from tests.training.importing.networks import network
from tests.training.networks_of_others import with_choices
from training import checkpoint as checkpoints
from training.checkpoint import Checkpoint, Metrics
from training.data import datasets
from training.errors import UserError
from training.evaluation import table
from training.files import seal, unseal
from training.fit.trainer import Trainer, new_vae
from training.importing import import_vae
from training.origin import Origin
from training.presets import Preset
from training.runs.log import epoch_line, read, step_line
from training.runs.records import EpochTerms, StepTerms
from training.runs.run import Run, RunConfig
from training.runs.snapshots import Probe, Prober, Snapshot
from training.vae.model import VAEConfig

TINY = Preset("tiny", VAEConfig(2, (12,), (12,)), data="mnist-5k", epochs=2)
TERMS = EpochTerms(1, 1.0, 2e-3, 250.0, 3.0, 240.0, 2.5, 1e4)
ADDRESS = (
    "checkpoint=mnist-2d&data=mnist-5k&view=pca&axes=1,2&image=7&z=0.5,-1&perplexity=30&seed=4"
    "&run=first&beside=mnist-2d,gamma&place=1,-2&row=n12&over=second"
)
MOST_SECONDS = 5.0  # for one reading, on a machine that others use too
MOST_GROWTH = 300_000  # KiB
SENTENCE = 500
STRANGE = [
    *(None, True, -1, 0, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 1e308, -5.0, 0.5),
    *("", "x", "../../x", "\x00", "\x1b[2J\u202e\u2028", "9" * 5000, "x" * 10_000),
    *([], {}, [[]], [1, 2], {"a": 1}, {"kind": "step"}),
]
RAW = [
    *(b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"\xff\xfe", b'"\\ud800"', b"\x00", b"\n"),
    *(1000 * b"[", 200_000 * b"[", 20_000 * b'{"a":', b'"' + 3000 * b"\\u202e" + b'"'),
]


@dataclass(frozen=True)
class Subject:
    """A kind of file: its content, how it is read, and its JSON, if it has any, and back."""

    content: bytes
    read: Callable[[bytes], object]
    lift: Callable[[bytes], bytes] | None = None
    lower: Callable[[bytes, bytes], bytes] | None = None
    share: int = 1


def header(content: bytes) -> bytes:
    return content[8 : 8 + int.from_bytes(content[:8], "little")]


def with_header(content: bytes, new: bytes) -> bytes:
    body = content[8 + int.from_bytes(content[:8], "little") :]
    return len(new).to_bytes(8, "little") + new + body


def programs(content: bytes) -> bytes:
    return json.loads(header(content))["__metadata__"]["programs"].encode()


def with_programs(content: bytes, new: bytes) -> bytes:
    found = json.loads(header(content))
    found["__metadata__"]["programs"] = new.decode("utf-8", "replace")
    return with_header(content, json.dumps(found).encode())


@pytest.fixture(scope="module")
def subjects(tmp_path_factory) -> dict[str, Subject]:
    run = Run(tmp_path_factory.mktemp("mutations") / "run")
    run.create(RunConfig(TINY, 0, "data", "cpu", 1, out="made.safetensors"))
    run.write_status("stopped", steps=40, saved=20, message="why")
    run.request(beta=2.0, order="pause")
    vae = checkpoints.as_stored(new_vae(TINY, 0))
    made = Checkpoint("good", vae, TINY, 5, "mnist-5k", (TERMS,), Metrics(240.0, 2.5, 1000))
    checkpoint = checkpoints.save(made, run.path / "good.safetensors").read_bytes()
    train = datasets.load("mnist-5k", "train").take(torch.arange(400))
    test = datasets.load("mnist-5k", "test").take(torch.arange(60))
    trainer = Trainer(new_vae(TINY, 0), TINY, train, test, 0)
    next(iter(trainer))
    run.save(trainer.state())
    prober = Prober(test, torch.device("cpu"))
    run.save_snapshot(0, prober.snapshot(trainer.vae), prober.probe)
    for n in range(1, 6):
        recent = StepTerms(n, n / 20, 1.0, 1e-3, 200.0, (1.0, 2.0), 1e4)
        run.append(step_line(recent, 1.0), sync=False)
    run.append(epoch_line(TERMS, 20, (1.5, 1.0)), sync=False)
    other = Run(run.path.parent / "mutated")
    other.snapshots.mkdir(parents=True)

    def file(name: str, ask: Callable[[], object]) -> Callable[[bytes], object]:
        def reading(content: bytes) -> object:
            (other.path / name).write_bytes(content)
            return ask()

        return reading

    def go_on() -> object:
        state = other.state()
        return state and Trainer(new_vae(TINY, 0), TINY, train, test, 0, state=state)

    def status() -> object:
        found = other.status()
        if "status.json" in found.message:  # that of a run that is new, and why
            raise UserError(found.message)
        return found

    def take() -> object:
        return Snapshot.read(other.snapshots / "0.npz")

    def of(name: str, ask: Callable[[], object], whole: bool = False, share: int = 1) -> Subject:
        same = (lambda content: content), (lambda _, new: new)
        return Subject(
            (run.path / name).read_bytes(), file(name, ask), *(same if whole else ()), share=share
        )

    def address(content: bytes) -> None:
        for name, text in parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True):
            if name in view_state.FIELDS:
                value = view_state.read(name, text)
                assert len(view_state.FIELDS[name].show(value)) <= 2 * len(text) + 2000, name

    def somebody_elses(content: bytes) -> None:
        """What can be read of a network of somebody else can be run and sent to the browser."""
        vae = checkpoints.loads(content, "bad.safetensors").vae
        with torch.no_grad():
            if vae.encoder is not None:
                vae.encode(torch.zeros(1, vae.shape.size))
            vae.decode(torch.zeros(1, vae.config.latent_dim))
        blobs.model(vae, "bad")

    grid = network("grid")
    imported = import_vae(
        *(grid.encoder, grid.decoder, grid.pictures),
        **{"out": run.path / "imported", "pictures": 2, **grid.options},
    ).read_bytes()
    chosen = with_choices()
    options = Preset("imported", chosen.config, "")
    origin = Origin("VAE", 1e-6, "2026-01-01", "2.13.0")
    choices = checkpoints.save(
        Checkpoint("choices", chosen, options, 0, "", (), Metrics(1.0, 2.0, 3), origin),
        run.path / "choices.safetensors",
    ).read_bytes()
    shipped = Path(__file__).resolve().parents[1] / "checkpoints"
    (run.path / table.JSON).write_bytes((shipped / table.JSON).read_bytes())
    return {
        "checkpoint": Subject(
            checkpoint,
            lambda content: checkpoints.loads(content, "bad.safetensors"),
            header,
            with_header,
            share=6,
        ),
        "imported": Subject(imported, somebody_elses, programs, with_programs, share=7),
        "choices": Subject(choices, somebody_elses, header, with_header, share=6),
        "config": of("config.json", other.config, True, share=6),
        "status": of("status.json", status, True, share=6),
        "control": of("control.json", other.read_control, True, share=6),
        "log": of("records.jsonl", lambda: read(other.log), share=4),
        "snapshot": of("snapshots/0.npz", take, share=3),
        "probe": of("probe.npz", lambda: Probe.read(other.path / "probe.npz"), share=3),
        "state": of("resume.pt", go_on, share=2),
        "table": of(table.JSON, lambda: table.read(other.path), True, share=1),
        "address": Subject(ADDRESS.encode(), address, share=2),
    }


def swap_value(document: bytes, rng: random.Random) -> bytes:
    """JSON with one of its values, or what a text of it holds, exchanged for a strange one."""
    value = json.loads(document)
    places, waiting = [], [value]
    while waiting:
        here = waiting.pop()
        for key in here if isinstance(here, dict) else range(len(here)):
            places.append((here, key))
            if isinstance(here[key], dict | list):
                waiting.append(here[key])
    if not places:
        return document
    here, key = rng.choice(places)
    inner = here[key]
    if isinstance(inner, str) and inner[:1] in ("{", "[") and rng.random() < 0.8:
        here[key] = swap_value(inner.encode(), rng).decode("utf-8", "replace")
    elif rng.random() < 0.15 and isinstance(here, dict):
        here[f"{rng.choice(['x', chr(27), chr(0x202E) * 300])}"] = here.pop(key)
    elif rng.random() < 0.15:
        here[key] = "@raw@"
        return json.dumps(value).encode().replace(b'"@raw@"', rng.choice(RAW))
    else:
        here[key] = rng.choice(STRANGE)
    return json.dumps(value).encode()


def mutate(subject: Subject, rng: random.Random) -> bytes:
    content = subject.content
    if subject.lift and subject.lower and rng.random() < 0.5:
        return subject.lower(content, swap_value(subject.lift(content), rng))
    sealed = content != unseal(content)
    reseal = sealed and rng.random() < 0.3  # a stranger can write the checksum too
    changed = bytearray(unseal(content) if reseal else content)
    kind = rng.randrange(5)
    near = rng.choice((len(changed), 400))  # half of them where heads are
    place = rng.randrange(min(near, len(changed)))
    if kind == 0:
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            at = rng.randrange(min(near, len(changed)))
            changed[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del changed[place:]
    elif kind == 2:
        changed[place:place] = rng.choice((rng.randbytes(rng.randrange(1, 40)), rng.choice(RAW)))
    elif kind == 3:
        del changed[place : place + rng.randrange(1, 40)]
    else:
        end = rng.randrange(place, min(len(changed), place + 200) + 1)
        at = rng.randrange(len(changed))
        changed[at : at + end - place] = changed[place:end]
    return seal(bytes(changed)) if reseal else bytes(changed)


@pytest.mark.slow
def test_every_reading_of_a_mutated_file_ends_in_a_value_or_in_one_sentence(subjects, capsys):
    today = datetime.date.today().toordinal()
    seed = int(os.environ.get("MUTATION_SEED", today))
    count = int(os.environ.get("MUTATIONS", 100_000))
    rng, seen, spent = random.Random(seed), Counter(), Counter()
    names = [name for name, subject in subjects.items() for _ in range(subject.share)]
    for subject in subjects.values():  # what is whole is read
        subject.read(subject.content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux
    began = time.monotonic()
    for number in range(count):
        name = rng.choice(names)
        content = mutate(subjects[name], rng)
        at, where = time.monotonic(), f"seed {seed}, mutation {number} of a {name}"
        try:
            subjects[name].read(content)
            seen[name, "read"] += 1
        except UserError as error:
            text = str(error)
            assert len(text) <= SENTENCE, f"{where}: {text}"
            assert text.isprintable(), f"{where}: {text!r}"
            assert text.endswith("."), f"{where}: {text}"
            seen[name, "refused"] += 1
        except BaseException as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
        took = time.monotonic() - at
        spent[name] += took
        assert took < MOST_SECONDS, where
    seconds = time.monotonic() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    with capsys.disabled():
        print(
            f"\nMUTATION_SEED={seed}: {count:,} mutations in {seconds:.1f} s, "
            f"{count / seconds:,.0f} a second; {grown / 1024:.0f} MiB more"
        )
        for name in subjects:
            reads, refused = seen[name, "read"], seen[name, "refused"]
            each = 1000 * spent[name] / max(1, reads + refused)
            print(f"  {name:<12}{reads:>6} read{refused:>7} refused {each:>8.2f} ms each")
    assert grown < MOST_GROWTH
    if count >= 2000:
        assert all(seen[name, "refused"] for name in subjects if name != "log")


@pytest.mark.slow
@pytest.mark.parametrize("page", ["explore", "compare"])
def test_a_page_whose_address_is_mutated_shows_no_traceback(page):
    seed = int(os.environ.get("MUTATION_SEED", datetime.date.today().toordinal()))
    rng, told = random.Random(seed), 0
    subject = Subject(ADDRESS.encode(), lambda content: content)
    app = Path(__file__).resolve().parents[1] / "explorer" / page / "page.py"
    for number in range(40):
        shown = AppTest.from_file(app, default_timeout=100)
        text = mutate(subject, rng).decode("utf-8", "replace")
        for name, value in parse_qsl(text, keep_blank_values=True):
            shown.query_params[name] = value
        shown.run()
        assert not shown.exception, f"seed {seed}, address {number}: {text!r}"
        told += len(shown.warning)
    assert told


def test_a_mutation_of_a_seed_is_always_the_same():
    subject = Subject(seal(bytes(range(200))), lambda content: content)
    found = [[mutate(subject, random.Random(n)) for n in range(50)] for _ in range(2)]
    assert found[0] == found[1]
    assert len(set(found[0])) > 40
    document = json.dumps({"a": 1, "b": {"c": [1, 2]}, "d": '{"e": 3}'}).encode()
    assert len({swap_value(document, random.Random(n)) for n in range(50)}) > 20
    assert io.BytesIO(with_header(b"\x02" + bytes(7) + b"{}rest", b"[1]")).read()[8:] == b"[1]rest"
