"""Mutual information gap: against quadrature, at its ends, and at chance."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from training.data.image_set import Factor
from training.evaluation.disentanglement import (
    classes_of,
    entropy,
    factor_gaps,
    factor_information,
    mutual_information_gap,
)
from training.vae.priors import GammaPosterior, find

NORMAL = find("standard-normal")
N = 4000


def gaussian(mu, std):
    """q(z|x) of these means, (N, d), and one z an image."""
    posterior = NORMAL.posterior(
        torch.cat([mu, 2 * torch.log(torch.as_tensor(std).expand_as(mu))], 1)
    )
    return NORMAL.sample(posterior, torch.Generator().manual_seed(0)), posterior


def binary_channel(m: float) -> float:
    """I(z; v) in nats of z ~ N(±m, 1) with v a fair sign, by quadrature."""
    z = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    both = torch.stack([Normal(s * m, 1.0).log_prob(z).exp() for s in (-1.0, 1.0)])
    terms = 0.5 * both * (torch.log(both) - torch.log(both.mean(0)))
    return float(torch.trapezoid(torch.nan_to_num(terms).sum(0), z))


def test_the_gap_of_a_binary_channel_is_that_of_quadrature():
    v = np.arange(N) % 2
    sign = torch.from_numpy(2.0 * v - 1)[:, None].float()
    z, posterior = gaussian(torch.cat([1.5 * sign, 0.4 * sign, 0 * sign], 1), 1.0)
    told = factor_information(NORMAL, z, posterior, [v])[:, 0]
    exact = [binary_channel(m) for m in (1.5, 0.4, 0.0)]
    np.testing.assert_allclose(told, exact, atol=0.015)
    (gap,) = factor_gaps(NORMAL, z, posterior, [Factor("sign", v.astype(np.float32), ("−", "+"))])
    assert (gap.name, gap.dimension) == ("sign", 0)
    assert gap.entropy == pytest.approx(math.log(2))
    assert gap.gap == pytest.approx((exact[0] - exact[1]) / math.log(2), abs=0.03)


def test_a_dimension_a_factor_is_one_and_a_turned_code_nothing():
    draws = np.random.default_rng(0)
    shape, size = draws.integers(0, 3, N), draws.integers(0, 5, N)
    factors = [Factor("shape", shape.astype(np.float32), ("a", "b", "c"))]
    factors.append(Factor("size", size.astype(np.float32)))
    mu = torch.from_numpy(np.stack([shape, np.zeros(N), size], 1)).float()
    gaps = factor_gaps(NORMAL, *gaussian(mu, 0.05), factors)
    assert [gap.dimension for gap in gaps] == [0, 2]
    assert mutual_information_gap(gaps) == pytest.approx(1, abs=0.01)
    assert gaps[1].information == pytest.approx(entropy(size), abs=0.01)
    twice = mu[:, [0, 2, 0, 2]]
    assert mutual_information_gap(factor_gaps(NORMAL, *gaussian(twice, 0.05), factors)) < 0.01


def test_factors_that_have_nothing_to_do_with_the_codes_are_at_chance():
    draws = np.random.default_rng(1)
    factors = [Factor(name, draws.random(N).astype(np.float32)) for name in ("x", "y")]
    z, posterior = gaussian(torch.randn(N, 5, generator=torch.Generator().manual_seed(1)), 0.3)
    told = factor_information(NORMAL, z, posterior, [classes_of(f) for f in factors])
    assert 0 < told.max() < 0.1  # of log 20: what 200 images in a bin tell by chance
    assert mutual_information_gap(factor_gaps(NORMAL, z, posterior, factors)) < 0.01


def test_a_continuous_factor_is_divided_into_equal_parts_and_a_constant_one_left_out():
    values = np.random.default_rng(2).random(1000).astype(np.float32)
    found = classes_of(Factor("x", values))
    assert np.bincount(found).tolist() == [50] * 20
    assert (np.diff(found[np.argsort(values)]) >= 0).all()
    assert classes_of(Factor("side", np.float32([3, 1, 3, 2]))).tolist() == [2, 0, 2, 1]
    z, posterior = gaussian(torch.from_numpy(values)[:, None], 0.1)
    constant = Factor("hue", np.ones(1000, np.float32))
    (gap,) = factor_gaps(NORMAL, z, posterior, [constant, Factor("x", values)])
    assert gap.name == "x"
    assert gap.gap == pytest.approx(gap.information / math.log(20))  # beside no other dimension
    assert factor_gaps(NORMAL, z, posterior, [constant]) == ()
    assert mutual_information_gap(()) is None


def test_a_gamma_code_is_measured_by_its_own_density():
    v = np.arange(N) % 2
    shape = torch.full((N, 1), 3.0)
    rate = torch.from_numpy(np.where(v, 30.0, 1.0)).float()[:, None]
    posterior, family = GammaPosterior(shape, rate), find("gamma")
    z = family.sample(posterior, torch.Generator().manual_seed(0))
    low, high = (torch.distributions.Gamma(3.0, r) for r in (1.0, 30.0))
    t = torch.linspace(1e-4, 40, 400_001, dtype=torch.float64)
    both = torch.stack([low.log_prob(t).exp(), high.log_prob(t).exp()])
    terms = torch.nan_to_num(0.5 * both * (torch.log(both) - torch.log(both.mean(0))))
    exact = float(torch.trapezoid(terms.sum(0), t))
    told = factor_information(family, z, posterior, [v])[0, 0]
    assert told == pytest.approx(exact, abs=0.02)
