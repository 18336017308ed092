"""Taking over a network of somebody else: its questions answered, its programs made and checked."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from training.errors import OptionError
from training.importing import assembling, evidence
from training.importing.exported import ImportRefused, said
from training.importing.interface import (
    UNIT,
    DecoderCall,
    EncoderCall,
    code_sizes,
    find_decoder,
    tried,
)
from training.importing.outputs import Heads, Output, arranged
from training.importing.questions import (
    OUTPUTS,
    RANGES,
    Import,
    read_likelihood,
    read_output,
    read_prior,
    read_range,
    read_second,
)
from training.importing.starting import EVIDENCE, begin
from training.vae import priors
from training.vae.choices import Choice
from training.vae.model import VAE, VAEConfig, in_batches
from training.vae.program import Program
from training.vae.program_network import PROGRAM, Programs

CHECKED = 32  # pictures that parity is measured on, beside as many at random
CODES = 1000  # that a decoder alone is shown with
MOST_LATENT = 4096


@dataclass(frozen=True)
class Imported:
    """A network that has been taken over."""

    vae: VAE
    parity: float
    fits: tuple[evidence.Fit, ...]
    z: Tensor  # codes of the pictures, or drawn


def take(job: Import) -> Imported:
    """The model of a network of somebody else.

    Raises:
        ImportRefused: it cannot be taken over; the sentence says why.
        OptionError: an answer is not possible.
    """
    if job.x is None:
        return _decoder_alone(job)
    call, _, _, found = begin(job)
    assert job.shape is not None
    assert job.encoder is not None
    source = evidence.source_of(job.encoder) or evidence.source_of(found.decoder.function)
    if not source and job.model is not None:
        source = evidence.source_of(job.model)
    heads, second = _second(job, call, found.heads, found.name, source)
    output, _ = arranged(found.raw, job.shape)
    start = assembling.decoder_start(found.decoder, output, job.shape)
    call, output, head, fits = _ranges(job, call, found.decoder, heads, output, start.ending)
    encoder, decoder, parity, z = _programs(job, call, found.decoder, head, second, output, start)
    likelihood = _likelihood(job, second, output, start.ending, source)
    prior = _prior(job, second, z[:, : found.decoder.continuous])
    vae = _model(job, found.decoder, (encoder, decoder), prior, likelihood, None)
    return Imported(vae, parity, tuple(fits), z)


def _second(
    job: Import, call: EncoderCall, heads: list[Heads], name: str, source: str
) -> tuple[list[Heads], str]:
    """The readings with the second output that was answered, and its kind."""
    second = heads[0].second
    if second is None:
        return heads, "none"
    assert job.x is not None
    known = None if job.labels is None else job.labels[:EVIDENCE]
    values = []  # of all ranges, since none is known to be the right one so far
    for range_ in evidence.ranges(call, job.x):
        made = tried(call.function, *replace(call, range=range_).inputs(job.x[:EVIDENCE], known))
        values += [] if isinstance(made, Exception) else [second.take(made)]
    seen = torch.cat(values)
    proposal = evidence.propose_second(name, seen, source)
    words = "What is the encoder's second output?"
    below = float((seen < 0).float().mean())

    def read(text: str) -> str:
        kind = read_second(text)
        if kind in ("std", "var") and below:
            raise OptionError(
                f"--second {kind} is not possible: {below:.0%} of the second output's values are "
                "below 0; it may be log_var or log_std."
            )
        return kind

    kind = read(job.ask("second", words, proposal, ", ".join(evidence.SECONDS), read))
    if kind == "none":
        heads = [replace(h, second=None) for h in heads]
    return heads, kind


def _ranges(
    job: Import,
    call: EncoderCall,
    decoder: DecoderCall,
    heads: list[Heads],
    output: Output,
    ending: str,
) -> tuple[EncoderCall, Output, Heads, list[evidence.Fit]]:
    """Input range, output and reading of the heads that reconstruct best, or as answered."""
    assert job.x is not None
    assert job.shape is not None
    known = None if job.labels is None else job.labels[:EVIDENCE]
    rest = job.x[:EVIDENCE], known
    channels, given = job.shape.channels, job.given.get("output", "")
    fixed = read_output(given, ending, channels) if given else None
    own = output if fixed is None else replace(output, kind=fixed.kind, range=fixed.range)
    everywhere = evidence.ranges(call, job.x)
    told = job.given.get("input_range")
    tried_ranges = [read_range(told, channels)] if told else everywhere
    fits = evidence.fits(call, decoder, heads, own, ending, *rest, tried_ranges, fixed is not None)
    if given.strip().lower() == "values":
        fits = [fit for fit in fits if fit.output.kind == "values"]
    if not fits:
        raise ImportRefused("The network gives no finite numbers for these pictures.")
    best = fits[0]
    words = "Which range of values does the encoder take?"
    clause = _clause(best.error, [(f.range.name, f.error) for f in fits], best.range.name)
    proposal = evidence.Proposal(best.range.name, clause)
    answered = job.ask(
        *("input_range", words, proposal, RANGES), lambda text: read_range(text, channels)
    )
    range_ = read_range(answered, channels)
    fits = [f for f in fits if f.range == range_] or evidence.fits(
        call, decoder, heads, own, ending, *rest, [range_], fixed is not None
    )
    best = fits[0]
    words = "What does the decoder give?"
    clause = f"it ends in {ending}; " if ending else ""
    clause += _clause(best.error, [(_told(f.output), f.error) for f in fits], _told(best.output))
    proposal = evidence.Proposal(given or _told(best.output), clause)
    answer = job.ask(
        *("output", words, proposal, ", ".join(OUTPUTS)),
        lambda text: read_output(text, ending, channels),
    )
    wanted = read_output(answer, ending, channels)
    for fit in fits:
        if wanted is None or (fit.output.kind, fit.output.range) == (wanted.kind, wanted.range):
            return replace(call, range=range_), fit.output, fit.heads, fits
    assert wanted is not None
    own = replace(output, kind=wanted.kind, range=wanted.range)
    fits = evidence.fits(call, decoder, heads, own, ending, *rest, [range_], True)
    return replace(call, range=range_), own, fits[0].heads, fits


def _told(output: Output) -> str:
    return "logits" if output.kind == "logits" else f"values {output.range.name}"


def _clause(best: float, all_of_them: list[tuple[str, float]], name: str) -> str:
    """The clause of how much worse pictures are reconstructed under the next reading."""
    other = next(((n, e) for n, e in all_of_them if n != name), None)
    text = f"your pictures come back with a mean squared error of {best:.4f}"
    return text if other is None else f"{text}; with {other[0]} it is {other[1]:.4f}"


def _programs(
    job: Import,
    call: EncoderCall,
    decoder: DecoderCall,
    heads: Heads,
    second: str,
    output: Output,
    start: assembling.Decoded,
) -> tuple[Program, Program, float, Tensor]:
    """Both programs, their parity, and the codes of the pictures (N, d)."""
    assert job.x is not None
    assert job.shape is not None
    exported = assembling.exported_encoder(call, job.x)
    takes = 1 if decoder.label else 0
    encoder = assembling.encoder_program(call, exported, heads, second, takes)
    program = assembling.decoder_program(start, output, job.shape)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(CHECKED, job.shape.size, generator=generator)
    x = torch.cat([job.x[:CHECKED], noise])
    labels = None
    if decoder.label:
        drawn = torch.randint(decoder.classes, (len(x),), generator=generator)
        labels = drawn
    parity = assembling.encoder_parity(encoder, call, heads, second, x, labels, takes)
    assembling.check_parity("encoder", parity)
    known = job.labels if decoder.label else None
    if decoder.label and known is None:
        known = torch.zeros(len(job.x), dtype=torch.long)
    z = _codes(call, heads, job.x, known)
    codes = torch.cat([z[:CHECKED], _drawn(decoder, CHECKED, generator)])
    decoded = assembling.decoder_parity(program, decoder, output, job.shape, codes)
    return encoder, program, max(parity, assembling.check_parity("decoder", decoded)), z


def _codes(call: EncoderCall, heads: Heads, x: Tensor, labels: Tensor | None) -> Tensor:
    """Codes (N, d) of pictures (N, n), some at a time."""
    found = []
    for rows, own in in_batches(x, labels, CHECKED):
        made = tried(call.function, *call.inputs(rows, own))
        if isinstance(made, Exception):
            raise ImportRefused(f"The encoder takes not all of the pictures: {said(made)}.")
        found.append(heads.code(made, own))
    return torch.cat(found)


def _drawn(call: DecoderCall, count: int, generator: torch.Generator) -> Tensor:
    """Codes of a standard normal, their choices evenly."""
    options = [*([call.classes] if call.label else []), *call.categories]
    columns = [torch.randint(k, (count, 1), generator=generator).float() for k in options]
    return torch.cat([torch.randn(count, call.continuous, generator=generator), *columns], 1)


def _likelihood(job: Import, second: str, output: Output, ending: str, source: str) -> str:
    if second == "none":
        job.answers.append(("likelihood", "none: there is no variance"))
        return "squared-error"
    proposal = evidence.propose_likelihood(output, ending, source)
    words = "Which reconstruction term was it trained with?"
    valid = "bernoulli, gaussian, laplace, none"
    return read_likelihood(job.ask("likelihood", words, proposal, valid, read_likelihood))


def _prior(job: Import, second: str, mu: Tensor) -> str:
    if second == "none":
        job.answers.append(("prior", "none: the codes are points"))
        mean, std = float(mu.mean()), float(mu.std()) if mu.numel() > 1 else 1.0
        return f"point-{_digits(max(-1000, min(1000, mean)))}-{_digits(min(1000, max(std, 0.001)))}"
    proposal = evidence.Proposal("standard-normal", "this is what nearly all networks have")
    valid = ", ".join([*priors.PRIORS, "normal-M-S"])
    return read_prior(job.ask("prior", "Which prior has z?", proposal, valid, read_prior))


def _digits(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".") or "0"


def _decoder_alone(job: Import) -> Imported:
    """The model of a decoder without encoder, shown with codes that are given or drawn."""
    assert job.decoder is not None
    sizes = [job.latent] if job.latent else []
    if job.codes is not None and not job.latent:
        sizes = [(job.codes.shape[1],), (job.codes.shape[1], 1, 1)]
    call, raw = find_decoder(
        job.decoder,
        sizes or code_sizes(job.decoder) or [(2,)],
        job.categories or (),
        len(job.label),
    )
    output, shape = arranged(raw[0], job.shape)
    job.shape = shape
    start = assembling.decoder_start(call, output, shape)
    source = evidence.source_of(job.decoder)
    proposed = evidence.readings(start.ending, UNIT)[0]
    reason = f"it ends in {start.ending}" if start.ending else "it ends in no activation"
    words = "What does the decoder give?"
    proposal = evidence.Proposal(_told(proposed), reason)
    answer = job.ask(
        *("output", words, proposal, ", ".join(OUTPUTS)),
        lambda text: read_output(text, start.ending, shape.channels),
    )
    wanted = read_output(answer, start.ending, shape.channels) or Output("values", proposed.range)
    output = replace(output, kind=wanted.kind, range=wanted.range)
    program = assembling.decoder_program(start, output, shape)
    prior = _prior(job, "", torch.zeros(1))
    likelihood = _likelihood(job, "", output, start.ending, source)
    generator = torch.Generator().manual_seed(0)
    z = job.codes
    if z is None:
        z = _drawn(call, min(CODES, 2**20 // call.numbers), generator)
        family = priors.find(prior)
        own = family.sample_prior(len(z), call.continuous, generator)
        z[:, : call.continuous] = own
    if z.ndim != 2 or z.shape[1] != call.numbers:
        raise OptionError(
            f"The codes have the shape {list(z.shape)}, and the decoder takes {call.numbers} "
            "numbers a code (a choice is one number, behind the others)."
        )
    parity = assembling.decoder_parity(program, call, output, shape, z[:CHECKED])
    assembling.check_parity("decoder", parity)
    vae = _model(job, call, (None, program), prior, likelihood, z)
    return Imported(vae, parity, (), z)


def _model(
    job: Import,
    call: DecoderCall,
    programs: tuple[Program | None, Program],
    prior: str,
    likelihood: str,
    codes: Tensor | None,
) -> VAE:
    assert job.shape is not None
    choices = []
    if call.label:
        names = job.label or tuple(str(n) for n in range(call.classes))
        choices.append(Choice("label", names, "label"))
    for n, k in enumerate(call.categories):
        name = "category" if len(call.categories) == 1 else f"category {n + 1}"
        choices.append(Choice(name, tuple(str(option) for option in range(k)), "categorical"))
    dims = call.dims
    grid = dims if len(dims) == 3 and dims[1] * dims[2] > 1 else None
    if math.prod(dims) > MOST_LATENT:
        raise ImportRefused(
            f"The codes have {math.prod(dims):,} numbers; at most {MOST_LATENT:,} are shown."
        )
    try:
        config = VAEConfig(
            call.numbers,
            (),
            (),
            PROGRAM,
            prior=prior,
            likelihood=likelihood,
            image_shape=job.shape,
            choices=tuple(choices),
            grid=grid,
        )
        return VAE(config, Programs(*programs, codes)).eval()
    except ValueError as error:
        raise ImportRefused(f"The network cannot be shown: {str(error).rstrip('.')}.") from None
