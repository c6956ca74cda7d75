import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from labutils.selection import variational_bottleneck as vib


def clouds(n, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, 5)) + 3 * np.eye(3, 5)[y], y


OPTIONS = {"seeds": [0, 1], "width": 16, "n_latent": 3, "steps": 200, "batch_size": 64}


@pytest.fixture(scope="module")
def fits():
    return vib.fit_bottlenecks(
        *clouds(300, 0), [clouds(300, 0), clouds(300, 1)], [0, 1e-3, 0.1, 100], **OPTIONS
    )


def test_the_price_buys_bits(fits):
    kept = fits.kept[:, :, 1].mean(axis=0)
    assert fits.kept.shape == fits.error.shape == (2, 4, 2) and np.isinf(kept[0])
    assert kept[1] > kept[2] > kept[3] and kept[3] < 1
    assert fits.told[:, 3].max() < 0.05 and fits.error[:, 3].min() > 0.3  # nothing kept, nothing told
    assert fits.error[:, 1, 1].max() < 0.1


def test_told_is_below_kept_and_below_the_entropy_of_the_labels(fits):
    assert (fits.told <= np.log2(3)).all()
    assert (
        fits.told[:, 1:, 0] <= fits.kept[:, 1:, 0] + 0.01
    ).all()  # two bounds of I(Z;Y) <= I(X;Z), on training rows


def test_divergence_is_torchs():
    weights = vib._drawn([5, 16, 6], 3, 3, [0, 1])
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    _, found = vib._encode(weights, x, torch.ones(2, 1), torch.Generator().manual_seed(0))
    hidden = torch.relu(x @ weights[0] + weights[1])
    mean, width = (hidden @ weights[2] + weights[3]).chunk(2, dim=-1)
    width = torch.nn.functional.softplus(width - 2) + 1e-4
    torch.testing.assert_close(found, kl_divergence(Normal(mean, width), Normal(0, 1)).sum(-1))


def test_networks_do_not_depend_on_those_beside_them_without_noise():
    data, test = clouds(120, 0), [clouds(60, 1)]
    both = vib.fit_bottlenecks(*data, test, [0], **OPTIONS | {"steps": 20})
    alone = vib.fit_bottlenecks(*data, test, [0], **OPTIONS | {"steps": 20, "seeds": [1]})
    np.testing.assert_allclose(both.told[1], alone.told[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("betas", "options", "says"),
    [([-1], {}, "is -1"), ([1], {"steps": 0}, "steps is 0"), ([], {}, "betas is 0")],
)
def test_says_what_is_wrong(betas, options, says):
    with pytest.raises(ValueError, match=says):
        vib.fit_bottlenecks(*clouds(30, 0), [clouds(30, 1)], betas, **OPTIONS | options)
