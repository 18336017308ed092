"""How fast training is, beside the usual loop: python -m benchmarks.train [--data-dir DIR]

The usual loop is torchvision's data set, `ToTensor`, a `DataLoader` of batches of 64, Adam at 1e-4
and binary cross-entropy on probabilities, as in most tutorials; the network is the convolutional
VAE of 210,821 parameters. Beside it, in turns: this project's loop on the same network and batch.
With `--quality`, also the seconds until the test −ELBO at d = 2 reaches 161.8 nats, for the usual
loop with that network and for the `mnist-2d` recipe made shorter.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from training.data import datasets as data_datasets
from training.data.torchvision_import import import_torchvision
from training.fit.trainer import Trainer, new_vae
from training.presets import PRESETS, Preset
from training.vae.model import VAEConfig

CONV = VAEConfig(2, (), (), architecture="report", activation="relu")
BATCH = 64
TARGET = 161.8  # nats: what a public report of this network gives after 15 epochs


class Usual(nn.Module):
    """The network as a tutorial writes it: images in, probabilities, μ and log σ² out."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 7),
            nn.Flatten(),
        )
        self.mu = nn.Linear(64, 2)
        self.log_var = nn.Linear(64, 2)
        self.decoder = nn.Sequential(
            nn.Linear(2, 64),
            nn.Unflatten(1, (64, 1, 1)),
            nn.ConvTranspose2d(64, 32, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """x (B, 1, 28, 28) → probabilities of the same shape, μ and log σ² (B, 2)."""
        hidden = self.encoder(x)
        mu, log_var = self.mu(hidden), self.log_var(hidden)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return self.decoder(z), mu, log_var


def _terms(x_hat: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor) -> Any:
    reconstruction = F.binary_cross_entropy(x_hat, x, reduction="sum")
    return reconstruction - 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum()


def usual_steps(model: Usual, loader: Any) -> Iterator[None]:
    """Train for ever, an image batch a step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    while True:
        for x, _ in loader:
            x_hat, mu, log_var = model(x)
            loss = _terms(x_hat, x, mu, log_var)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield


@torch.no_grad()
def usual_neg_elbo(model: Usual, loader: Any) -> float:
    """−ELBO over the test images, nats per image, one sample each."""
    total, n = 0.0, 0
    for x, _ in loader:
        x_hat, mu, log_var = model(x)
        total += float(_terms(x_hat, x, mu, log_var))
        n += len(x)
    return total / n


def rate(steps: Iterator[Any], n: int) -> float:
    """Images a second over n steps."""
    began = time.perf_counter()
    for _ in range(n):
        next(steps)
    return n * BATCH / (time.perf_counter() - began)


def speeds(
    train: Any, test: Any, loader: Any, rounds: int, steps: int
) -> list[tuple[float, float]]:
    """Images a second of the usual loop and of this project's, in turns."""
    preset = replace(
        PRESETS["mnist-5k-2d"],
        name="conv",
        model=CONV,
        epochs=1000,
        batch_size=BATCH,
        precision="float32",
        code_scale=1.0,
        max_gradient=0.0,  # the usual loop does not limit them either
    )
    torch.manual_seed(0)
    usual = usual_steps(Usual(), loader)
    ours = iter(Trainer(new_vae(preset, 0), preset, train, test))
    rate(usual, 20), rate(ours, 20)
    found = [(rate(usual, steps), rate(ours, steps)) for _ in range(rounds)]
    for name, row in zip(("usual loop", "this project's"), zip(*found, strict=True), strict=True):
        middle = statistics.median(row)
        print(f"{name:<16} {middle:8,.0f} images/s ({min(row):,.0f} to {max(row):,.0f})")
    ratios = [b / a for a, b in found]
    middle = statistics.median(ratios)
    print(f"{'ratio':<16} {middle:8.2f}          ({min(ratios):.2f} to {max(ratios):.2f})")
    return found


def quality(
    train: Any, test: Any, loader: Any, test_loader: Any, preset: Preset
) -> tuple[float, float]:
    """Seconds of training until the target, of the usual loop and of this project's, without the
    time that measuring takes."""
    torch.manual_seed(0)
    model = Usual()
    steps, usual = usual_steps(model, loader), 0.0
    for epoch in range(1, 41):
        began = time.perf_counter()
        for _ in range(len(loader)):
            next(steps)
        usual += time.perf_counter() - began
        found = usual_neg_elbo(model, test_loader)
        print(f"usual loop, epoch {epoch}: {usual:.1f} s, −ELBO {found:.2f}", flush=True)
        if found <= TARGET:
            break
    ours = 0.0
    for record in Trainer(new_vae(preset, 0), preset, train, test):
        if record.terms is None:
            continue
        ours += len(train) / record.terms.images_per_second
        found = record.terms.test_total
        print(f"{preset.name}, epoch {record.terms.epoch}: {ours:.1f} s, −ELBO {found:.2f}")
        if found <= TARGET:
            break
    print(f"{usual:.1f} s against {ours:.1f} s: {usual / ours:.1f} times sooner")
    return usual, ours


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    args = parser.parse_args()
    train, test = (data_datasets.load("mnist", split, args.data_dir) for split in ("train", "test"))
    tv = import_torchvision()
    sets = [
        tv.datasets.MNIST(str(args.data_dir), train=is_train, transform=tv.transforms.ToTensor())
        for is_train in (True, False)
    ]
    loader = torch.utils.data.DataLoader(sets[0], batch_size=BATCH, shuffle=True)
    test_loader = torch.utils.data.DataLoader(sets[1], batch_size=1000)
    rows: dict[str, Any] = {
        "images_per_second": speeds(train, test, loader, args.rounds, args.steps)
    }
    if args.quality:
        short = replace(
            PRESETS["mnist-2d"], epochs=1, batch_size=192, learning_rate=3e-3, input_dropout=0.0
        )
        rows["seconds"] = quality(train, test, loader, test_loader, short)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
