"""An encoder of many local linear ones, each right for pictures whose code lies near its own place.

With a decoder that is ready, all of its numbers follow from that decoder: `local_encoder` computes
them, where other encoders have to be trained.
"""

import torch
from torch import Tensor, nn
from torch.func import jacfwd, vmap

from training.vae.program import Builder


class Experts(nn.Module):
    """A softmax gate over `count` experts and what each says of the code, (B, n) →
    (B, (1 + d) · count): the shares, and with each dimension's shift the shares times its tanh.

    A linear layer behind it is a mixture of experts: its weights for the shares are the experts'
    places, and those for the shifts how far one may go from there. All of it sees the picture
    through `rank` linear features. It is computed in float32, since scores are differences of
    hundreds of nats.

    Source: the mixture of Jacobs, Jordan, Nowlan & Hinton (1991), "Adaptive mixtures of local
    experts", with its outputs averaged.
    """

    def __init__(self, n: int, rank: int, count: int, latent_dim: int) -> None:
        super().__init__()
        self.features = nn.Linear(n, rank, bias=False)
        self.scores = nn.Linear(rank, count)
        self.shifts = nn.Linear(rank, latent_dim * count)

    def forward(self, x: Tensor) -> Tensor:
        """The shares, then the shifts of each dimension."""
        with torch.autocast(x.device.type, enabled=False):
            features = self.features(x.float())
            shares = torch.softmax(self.scores(features), -1)[:, None]
            shifts = torch.tanh(self.shifts(features)).unflatten(-1, (-1, shares.shape[-1]))
            return torch.cat([shares, shares * shifts], 1).flatten(1)

    def lower(self, builder: Builder, x: str) -> str:
        """Name of the shares and shifts in a program."""
        count = self.scores.out_features
        features = builder.lower(self.features, x)
        shares = builder.add("softmax", builder.lower(self.scores, features), axis=0)
        shares = builder.add("reshape", shares, sides=[1, count])
        shifts = builder.add("tanh", builder.lower(self.shifts, features))
        shifts = builder.add("reshape", shifts, sides=[-1, count])
        moved = builder.add("multiply", shifts, shares)
        return builder.add("reshape", builder.add("concat", shares, moved, axis=0), sides=[-1])


def local_codes(codes: Tensor, count: int, seed: int = 0, rounds: int = 10) -> Tensor:
    """Places (count, d) for experts among codes (N, d), N ≥ count: their k-means, in numbers that
    bfloat16 has.

    Source: Lloyd (1982), "Least squares quantization in PCM".
    """
    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(seed))
    places = codes[order[:count]].clone()
    for _ in range(rounds):
        nearest = torch.cat([torch.cdist(rows, places).argmin(1) for rows in codes.split(4096)])
        sums = torch.zeros_like(places).index_add_(0, nearest, codes)
        many = torch.bincount(nearest, minlength=count)[:, None]
        places = torch.where(many > 0, sums / many.clamp_min(1), places)
    return places.bfloat16().float()


def local_encoder(
    decoder: nn.Module, places: Tensor, x: Tensor, rank: int, temperature: float, reach: float
) -> nn.Sequential:
    """The encoder for a ready `decoder`, (B, d) → logits (B, n), of a Bernoulli p(x|z) and a
    standard normal prior: (B, n) → μ and log σ², (B, 2·d).

    Expert k stands at a place z_k of `places` (count, d). Its score is log p(x, z_k), which is
    linear in x, over a `temperature`; its shift the step of Fisher scoring from there to the most
    probable code, F⁻¹ (Jᵀ(x − p) − z_k) with F = Jᵀ diag(p(1 − p)) J + 1, at most `reach` in a
    dimension; its variances 1/F_ii, those of the best factorised Gaussian (Bishop 2006, equation
    10.37). Scores and shifts are cut down to the `rank` features that are most of them over images
    `x` (N, n).
    """
    count, d = places.shape
    with torch.no_grad():
        logits = decoder(places)
        jacobian: Tensor = vmap(jacfwd(lambda z: decoder(z[None])[0]))(places)  # (count, n, d)
        p = torch.sigmoid(logits)
        fisher = torch.einsum("kni,kn,knj->kij", jacobian, p * (1 - p), jacobian) + torch.eye(d)
        inverse = torch.linalg.inv(fisher)
        steps = torch.einsum("kij,knj->ikn", inverse, jacobian)  # (d, count, n)
        begin = -torch.einsum("ikn,kn->ik", steps, p) - torch.einsum("kij,kj->ik", inverse, places)
        bias = -nn.functional.softplus(logits).sum(1) - 0.5 * places.square().sum(1)
        precision = torch.diagonal(fisher, dim1=1, dim2=2)
        # A softmax knows no common score, and what all have in common rounds the worst.
        scores = (logits - logits.mean(0)) / temperature
        spread = torch.sqrt(precision.T)[..., None]
        basis, back = _features(torch.cat([scores, (steps * spread).flatten(0, 1)]), x, rank)
        made = Experts(logits.shape[1], rank, count, d)
        made.features.weight.copy_(basis)
        made.scores.weight.copy_(scores @ back)
        made.scores.bias.copy_((bias - bias.mean()) / temperature)
        made.shifts.weight.copy_(steps.flatten(0, 1) @ back / reach)
        made.shifts.bias.copy_(begin.flatten() / reach)
        head = nn.Linear((1 + d) * count, 2 * d)
        weight = torch.zeros(2, d, 1 + d, count)
        weight[0, :, 0], weight[1, :, 0] = places.T, -torch.log(precision).T
        for i in range(d):
            weight[0, i, 1 + i] = reach
        head.weight.copy_(weight.reshape(2 * d, -1))
        head.bias.zero_()
    return nn.Sequential(made, head)


def _features(rows: Tensor, x: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Features (rank, n) of pictures, and what makes of them a row's products with pictures,
    (n, rank): rows (m, n) times x are nearly (rows @ back) @ (features @ x), in the least squares
    over images `x` (N, n)."""
    values, vectors = torch.linalg.eigh((x.T @ x / len(x)).double())
    values = values.clamp_min(1e-7 * float(values.max()))
    half = vectors * values.sqrt() @ vectors.T
    weighted = rows.double() @ half
    most = torch.linalg.eigh(weighted.T @ weighted)[1].flip(1)[:, :rank]
    undone = vectors * values.rsqrt() @ vectors.T
    return (most.T @ undone).float(), (half @ most).float()
