"""Networks as other people write them, one of each family, with weights drawn at random.

Each function gives an `Example`: encoder (or None), decoder, pictures, the options of `import_vae`,
and what the imported model has to compute.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.training.importing.test_aten import trained


class Example(NamedTuple):
    """A network, pictures (N, C, H, W) in [0, 1], options, and truths.

    `decode(z)` are pictures (N, C, H, W) in [0, 1] of codes (N, d), choices behind them;
    `encode(x, labels)` mu, log σ² (None where there is none) and chances.
    """

    encoder: Callable[..., Any] | None
    decoder: Callable[..., Any]
    pictures: Tensor | None
    options: dict[str, Any]
    decode: Callable[[Tensor], Tensor]
    encode: Callable[..., tuple[Tensor, ...]] | None
    dims: int  # numbers of a code, with its choices
    expected: dict[str, Any]  # fields of the configuration


def pictures(*sides: int) -> Tensor:
    """Eight soft pictures that are not noise."""
    draw = torch.Generator().manual_seed(5)
    coarse = torch.rand(8, sides[0], 4, 4, generator=draw)
    return F.interpolate(coarse, sides[1:], mode="bilinear").clamp(0, 1)


class Residual(nn.Module):
    """x + conv(silu(norm(conv(…)))), with group norm."""

    def __init__(self, i, o):
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(4, i), nn.GroupNorm(4, o)])
        self.convs = nn.ModuleList([nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)])
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x):
        h = self.convs[0](F.silu(self.norms[0](x)))
        return self.skip(x) + self.convs[1](F.silu(self.norms[1](h)))


class ResidualVAE(nn.Module):
    """Residual blocks with group norm; nearest upsampling; logits come out."""

    def __init__(self, d=6):
        super().__init__()
        self.enc = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2, 1), Residual(8, 16), nn.AvgPool2d(2), Residual(16, 16)),
            *(nn.GroupNorm(4, 16), nn.SiLU(inplace=True), nn.Flatten()),
        )
        self.fc_mu, self.fc_logvar = nn.Linear(256, d), nn.Linear(256, d)
        self.fc = nn.Linear(d, 256)
        self.dec = nn.Sequential(
            *(Residual(16, 8), nn.Upsample(scale_factor=2), Residual(8, 8)),
            *(nn.Upsample(scale_factor=2), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 3, 3, 1, 1)),
        )

    def encode(self, x):
        h = self.enc(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z):
        return self.dec(self.fc(z).view(-1, 16, 4, 4))

    def loss(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return F.binary_cross_entropy_with_logits(self.decode(z), x)


def _sigmoid_of(decode):
    return lambda z: torch.sigmoid(decode(z))


def residual() -> Example:
    """Residual blocks with group norm."""
    net = trained(ResidualVAE())
    x = pictures(3, 16, 16)
    return Example(
        *(net.encode, net.decode, x, {"output": "logits"}, _sigmoid_of(net.decode)),
        *(net.encode, 6, {"likelihood": "bernoulli", "grid": None}),
    )


class BilinearVAE(nn.Module):
    """Bilinear upsampling, batch norm behind the activation, a dictionary of outputs."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            [nn.Conv2d(1, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3, 2, 1)]
        )
        self.head = nn.Linear(16 * 25, 10)
        self.start = nn.Linear(5, 16 * 25)
        self.norm, self.last = nn.BatchNorm2d(16), nn.Conv2d(16, 1, 5, padding=2)
        self.drop = nn.Dropout(0.3)

    def encode(self, x):
        first, norm, second = self.convs
        h = self.drop(F.relu(second(norm(F.relu_(first(x))))))
        mu, log_var = self.head(h.view(h.size(0), -1)).chunk(2, dim=-1)
        z = mu + torch.exp(log_var / 2) * torch.randn_like(mu)
        return {"z": z, "mu": mu, "log_var": log_var}

    def decode(self, z):
        h = self.norm(F.elu(self.start(z)).view(-1, 16, 5, 5))
        h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        h = F.interpolate(h, size=(20, 20), mode="bilinear", align_corners=True)
        return {"sample": torch.sigmoid(self.last(h))}


def bilinear() -> Example:
    """Bilinear upsampling, of both kinds."""
    net = trained(BilinearVAE())

    def encode(x, labels=None):
        found = net.encode(x)
        return found["mu"], found["log_var"]

    return Example(
        *(net.encode, net.decode, pictures(1, 20, 20), {}, lambda z: net.decode(z)["sample"]),
        *(encode, 5, {"likelihood": "bernoulli", "prior": "standard-normal"}),
    )


class Shuffled(nn.Module):
    """Pixel shuffle and unshuffle; mu and log σ² come turn by turn; tanh at the end."""

    def __init__(self, d=4):
        super().__init__()
        self.d = d
        self.encoder = nn.Sequential(
            *(nn.PixelUnshuffle(2), nn.Conv2d(12, 12, 3, padding=1), nn.LeakyReLU(0.2)),
            *(nn.PixelUnshuffle(2), nn.Flatten(), nn.Linear(48 * 16, 2 * d)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(d, 48 * 16), nn.Unflatten(1, (48, 4, 4)), nn.PixelShuffle(2)),
            *(nn.PReLU(12), nn.Conv2d(12, 12, 3, padding=1, padding_mode="reflect")),
            *(nn.PixelShuffle(2), nn.Tanh()),
        )

    def encode(self, x):
        mu, log_var = self.encoder(x).view(-1, self.d, 2).unbind(-1)
        return mu, log_var

    def decode(self, z):
        return self.decoder(z)


def pixel_shuffle() -> Example:
    """Pixel shuffle; pictures of [−1, 1]."""
    net = trained(Shuffled())
    options = {"input_range": "-1..1", "output": "tanh", "likelihood": "gaussian"}
    return Example(
        *(net.encode, net.decode, pictures(3, 16, 16), options),
        lambda z: (net.decode(z) + 1) / 2,
        lambda x, labels=None: net.encode(2 * x - 1),
        4,
        {"likelihood": "gaussian"},
    )


class Conditional(nn.Module):
    """A label by an embedding in the encoder and in the decoder."""

    def __init__(self, d=3, classes=5):
        super().__init__()
        self.names = nn.Embedding(classes, 7)
        self.enc = nn.Sequential(nn.Linear(64 + 7, 32), nn.ReLU(), nn.Linear(32, 2 * d))
        self.dec = nn.Sequential(nn.Linear(d + 7, 32), nn.ReLU(), nn.Linear(32, 64), nn.Sigmoid())

    def encode(self, x, y):
        both = torch.cat([x.flatten(1), self.names(y)], 1)
        return self.enc(both).chunk(2, 1)

    def decode(self, z, y):
        return self.dec(torch.cat([z, self.names(y)], 1)).view(-1, 1, 8, 8)


LABELS = torch.tensor([0, 3, 1, 4, 2, 2, 0, 1])
FIVE = ("zero", "one", "two", "three", "four")


def conditional() -> Example:
    """Conditional on a label that both take as a number."""
    net = trained(Conditional())
    options = {"labels": FIVE, "example_labels": LABELS}
    return Example(
        *(net.encode, net.decode, pictures(1, 8, 8), options),
        lambda z: net.decode(z[:, :3], z[:, 3].long()),
        net.encode,
        4,
        {"choices": [("label", FIVE, "label")]},
    )


class OneHot(nn.Module):
    """A label as a row with a one, which both take beside their input."""

    def __init__(self, d=3, classes=4):
        super().__init__()
        self.classes = classes
        self.conv = nn.Conv2d(1 + classes, 6, 3, 2, 1)
        self.mu, self.sigma = nn.Linear(96, d), nn.Linear(96, d)
        self.dec = nn.Linear(d + classes, 64)

    def encode(self, x, label):
        maps = label[:, :, None, None].expand(-1, -1, 8, 8)
        h = F.relu(self.conv(torch.cat([x, maps], 1))).flatten(1)
        return self.mu(h), F.softplus(self.sigma(h))

    def decode(self, z, label):
        return torch.sigmoid(self.dec(torch.cat([z, label], 1))).view(-1, 1, 8, 8)


def one_hot() -> Example:
    """Conditional on a label as a row with a one; the second output is σ."""
    net = trained(OneHot())

    def encode(x, labels):
        mu, std = net.encode(x, F.one_hot(labels, 4).float())
        return mu, 2 * torch.log(std)

    options = {"labels": 4, "example_labels": LABELS % 4}
    return Example(
        *(net.encode, net.decode, pictures(1, 8, 8), options),
        lambda z: net.decode(z[:, :3], F.one_hot(z[:, 3].long(), 4).float()),
        encode,
        4,
        {"choices": [("label", ("0", "1", "2", "3"), "label")], "second": "std"},
    )


class Joint(nn.Module):
    """Continuous and categorical latents (as Dupont 2018), weights under weight norm."""

    def __init__(self, d=3, sizes=(4, 3)):
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.body = nn.Sequential(nn.Flatten(), norm(nn.Linear(64, 24)), nn.GELU())
        self.mean, self.log_var = nn.Linear(24, d), nn.Linear(24, d)
        self.alphas = nn.ModuleList(nn.Linear(24, k) for k in sizes)
        self.decoder = nn.Sequential(
            *(nn.Linear(d + sum(sizes), 24), nn.Mish(), norm(nn.Linear(24, 64)), nn.Sigmoid()),
            nn.Unflatten(1, (1, 8, 8)),
        )

    def encode(self, x):
        h = self.body(x)
        return self.mean(h), self.log_var(h), *(F.softmax(a(h), dim=1) for a in self.alphas)

    def decode(self, z):
        return self.decoder(z)


def categorical() -> Example:
    """Categorical latents beside the Gaussian ones."""
    net = trained(Joint())

    def decode(z):
        rows = [F.one_hot(z[:, 3].long(), 4), F.one_hot(z[:, 4].long(), 3)]
        return net.decode(torch.cat([z[:, :3], *rows], 1))

    choices = [
        ("category 1", ("0", "1", "2", "3"), "categorical"),
        ("category 2", ("0", "1", "2"), "categorical"),
    ]
    return Example(
        *(net.encode, net.decode, pictures(1, 8, 8), {}, decode),
        *(lambda x, labels=None: net.encode(x), 5, {"choices": choices}),
    )


class Attention(nn.Module):
    """Attention of all places of a picture to each other."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.heads = nn.MultiheadAttention(channels, 2, batch_first=True)

    def forward(self, x):
        b, c, h, w = x.shape
        rows = self.norm(x).view(b, c, h * w).transpose(1, 2)
        rows = self.heads(rows, rows, rows, need_weights=False)[0]
        return x + rows.transpose(1, 2).reshape(b, c, h, w)


class Grid(nn.Module):
    """A latent grid with attention on both sides, as latent diffusion has it."""

    def __init__(self, c=2):
        super().__init__()
        self.enc = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), Attention(8), nn.Conv2d(8, 2 * c, 3, 2, 1)),
        )
        self.dec = nn.Sequential(
            *(nn.Conv2d(c, 8, 3, padding=1), Attention(8), nn.SiLU()),
            *(nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1)),
        )

    def encode(self, x):
        mean, log_var = self.enc(x).chunk(2, dim=1)
        return torch.distributions.Normal(mean, torch.exp(0.5 * log_var.clamp(-30, 20)))

    def decode(self, z):
        return self.dec(z)


def grid() -> Example:
    """A latent grid, attention, and values in [−1, 1] without an activation at the end."""
    net = trained(Grid())
    with torch.no_grad():
        net.dec[-1].weight.mul_(0.3)

    def encode(x, labels=None):
        q = net.encode(2 * x - 1)
        return q.loc.flatten(1), 2 * torch.log(q.scale.flatten(1))

    options = {"input_range": (-1, 1), "output": "values -1..1"}
    return Example(
        *(net.encode, net.decode, pictures(3, 16, 16), options),
        lambda z: (net.decode(z.view(-1, 2, 4, 4)).clamp(-1, 1) + 1) / 2,
        encode,
        32,
        {"grid": (2, 4, 4)},
    )


class Spectral(nn.Module):
    """Spectral norm in every layer; global pooling."""

    def __init__(self, d=4):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.encoder = nn.Sequential(
            *(norm(nn.Conv2d(3, 8, 4, 2, 1)), nn.LeakyReLU(0.2), norm(nn.Conv2d(8, 16, 3))),
            *(nn.ReLU6(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), norm(nn.Linear(64, 2 * d))),
        )
        self.decoder = nn.Sequential(
            *(nn.Unflatten(1, (d, 1, 1)), norm(nn.ConvTranspose2d(d, 16, 4))),
            *(nn.BatchNorm2d(16), nn.ReLU(True), norm(nn.ConvTranspose2d(16, 8, 4, 2, 1))),
            *(nn.BatchNorm2d(8), nn.ReLU(True), norm(nn.ConvTranspose2d(8, 3, 4, 2, 1))),
            nn.Sigmoid(),
        )


def spectral() -> Example:
    """Spectral norm; one row with mu and log σ² in halves; a whole model is given."""
    net = trained(Spectral())
    return Example(
        *(net, None, pictures(3, 16, 16), {}, net.decoder),
        *(lambda x, labels=None: net.encoder(x).chunk(2, 1), 4, {"second": "log_var"}),
    )


class Flat(nn.Module):
    """Flat input of [−1, 1], flat output."""

    def __init__(self, d=2):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(100, 32), nn.Linear(32, d), nn.Linear(32, d)
        self.fc3, self.fc4, self.norm = nn.Linear(d, 32), nn.Linear(32, 100), nn.BatchNorm1d(32)

    def encode(self, x):
        h = self.norm(F.selu(self.fc1(x)))
        return self.fc21(h), self.fc22(h)

    def decode(self, z):
        return torch.tanh(self.fc4(F.softsign(self.fc3(z))))


def flat() -> Example:
    """Flat pictures in [−1, 1]."""
    net = trained(Flat())
    return Example(
        *(net.encode, net.decode, pictures(1, 10, 10), {"input_range": "-1,1", "output": "tanh"}),
        lambda z: (net.decode(z).view(-1, 1, 10, 10) + 1) / 2,
        lambda x, labels=None: net.encode(2 * x.flatten(1) - 1),
        2,
        {},
    )


class LogStd(nn.Module):
    """log σ, named so; values normalised by mean and deviation; channels last."""

    def __init__(self, d=3):
        super().__init__()
        self.body, self.head = nn.Linear(3, 6), nn.Linear(6 * 64, 2 * d)
        self.d, self.back = d, nn.Linear(d, 192)

    def encode(self, x):
        h = F.hardswish(self.body(x)).flatten(1)
        mean, log_std = torch.split(self.head(h), self.d, dim=1)
        return mean, log_std

    def decode(self, z):
        return self.back(z).view(-1, 8, 8, 3).sigmoid()


def log_std() -> Example:
    """log σ; channels last; a mean and a deviation of each channel."""
    net = trained(LogStd())
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])

    def encode(x, labels=None):
        mu, log_std = net.encode((x.permute(0, 2, 3, 1) - mean) / std)
        return mu, 2 * log_std

    return Example(
        *(net.encode, net.decode, pictures(3, 8, 8), {"input_range": "0.4,0.5,0.6/0.2,0.25,0.3"}),
        lambda z: net.decode(z).permute(0, 3, 1, 2),
        encode,
        3,
        {"second": "log_std"},
    )


class Transparent(nn.Module):
    """Pictures of four channels, the last one how opaque a pixel is."""

    def __init__(self, d=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ELU(), nn.Flatten())
        self.mu, self.logvar = nn.Linear(96, d), nn.Linear(96, d)
        self.decoder = nn.Sequential(
            *(nn.Linear(d, 96), nn.ELU(), nn.Unflatten(1, (6, 4, 4))),
            *(nn.ConvTranspose2d(6, 4, 4, 2, 1), nn.Sigmoid()),
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.logvar(h)


def rgba() -> Example:
    """Four channels, on white here."""
    net = trained(Transparent())

    def decode(z):
        made = net.decoder(z)
        return made[:, :3] * made[:, 3:] + 1 - made[:, 3:]

    def encode(x, labels=None):
        return net.encode(torch.cat([x, torch.ones_like(x[:, :1])], 1))

    return Example(net.encode, net.decoder, pictures(3, 8, 8), {}, decode, encode, 4, {})


def decoder_only() -> Example:
    """A generator of z (d, 1, 1) alone, with ReLU before its sigmoid."""
    net = trained(
        nn.Sequential(
            *(nn.ConvTranspose2d(5, 12, 4), nn.InstanceNorm2d(12, affine=True), nn.ReLU()),
            *(nn.ConvTranspose2d(12, 1, 4, 2, 1), nn.ReLU(), nn.Sigmoid()),
        )
    )
    return Example(
        *(None, net, None, {}, lambda z: net(z[:, :, None, None]), None, 5),
        {"likelihood": "bernoulli"},
    )


class Autoencoder(nn.Module):
    """A code without variance."""

    def __init__(self, d=3):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, 2, 1), nn.LayerNorm([8, 8, 8]), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(128, d)),
        )
        self.decoder = nn.Sequential(
            *(
                nn.Linear(d, 128),
                nn.ReLU(),
                nn.Unflatten(-1, (8, 4, 4)),
                nn.Upsample(scale_factor=2),
            ),
            *(nn.Conv2d(8, 4, 3, padding="same"), nn.Softplus(), nn.UpsamplingNearest2d(size=16)),
            *(nn.Conv2d(4, 1, 3, padding=1), nn.Hardtanh(0, 1)),
        )


def no_variance() -> Example:
    """An autoencoder; its values are held in [0, 1] at the end."""
    net = trained(Autoencoder())
    return Example(
        *(net.encoder, net.decoder, pictures(1, 16, 16), {"output": "values 0..1"}),
        *(net.decoder, lambda x, labels=None: (net.encoder(x),), 3),
        {"likelihood": "squared-error", "second": "none"},
    )


class Drawing(nn.Module):
    """An encoder that gives its draw alone, and keeps the KL (as in many tutorials)."""

    def __init__(self, d=2):
        super().__init__()
        self.linear1, self.linear2, self.linear3 = (
            nn.Linear(*s) for s in ((64, 9), (9, d), (9, d))
        )
        self.normal = torch.distributions.Normal(0, 1)
        self.kl = 0

    def forward(self, x):
        x = F.relu(self.linear1(torch.flatten(x, start_dim=1)))
        mu, sigma = self.linear2(x), torch.exp(self.linear3(x))
        z = mu + sigma * self.normal.sample(mu.shape)
        self.kl = (sigma**2 + mu**2 - torch.log(sigma) - 1 / 2).sum()
        return z


class Tutorial(nn.Module):
    """The model around it."""

    def __init__(self):
        super().__init__()
        self.encoder = Drawing()
        self.decoder = nn.Sequential(nn.Linear(2, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def drawing() -> Example:
    """An encoder that gives its draw alone; what is drawn from is found in its graph."""
    net = trained(Tutorial())

    def encode(x, labels=None):
        h = F.relu(net.encoder.linear1(x.flatten(1)))
        return net.encoder.linear2(h), 2 * net.encoder.linear3(h)

    return Example(
        *(net, None, pictures(1, 8, 8), {}, net.decoder, encode, 2, {"second": "std"}),
    )


class Inline(nn.Module):
    """Layers between the parts that are called encoder and decoder, in forward alone."""

    def __init__(self, d=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.ReLU(), nn.Flatten())
        self.fc1, self.fc2, self.fc3 = nn.Linear(64, d), nn.Linear(64, d), nn.Linear(d, 64)
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Sigmoid()
        )

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.fc1(h), self.fc2(h)
        z = mu + logvar.mul(0.5).exp_() * torch.randn_like(mu)
        return self.decoder(self.fc3(z)), mu, logvar


def inline() -> Example:
    """A model whose forward has to be parted at its draw."""
    net = trained(Inline())

    def encode(x, labels=None):
        h = net.encoder(x)
        return net.fc1(h), net.fc2(h)

    return Example(
        *(net, None, pictures(1, 8, 8), {}, lambda z: net.decoder(net.fc3(z)), encode, 3),
        {"second": "std"},
    )


NETWORKS: dict[str, Callable[[], Example]] = {
    function.__name__: function
    for function in (
        *(residual, bilinear, pixel_shuffle, conditional, one_hot, categorical, grid, spectral),
        *(flat, log_std, rgba, decoder_only, no_variance, drawing, inline),
    )
}


def network(name: str) -> Example:
    """The example of a name, the same at every call."""
    torch.manual_seed(11)
    return NETWORKS[name]()
