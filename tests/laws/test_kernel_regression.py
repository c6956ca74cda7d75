"""Kernel learning curves: closed forms, direct sums and sampled regressions."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from labutils.laws import kernel_regression


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_kernel_curve_has_the_exponent_and_amplitude_of_its_asymptote(exponent):
    n = np.logspace(1, 8, 15)
    loss, p = kernel_regression.kernel_learning_curve(n, exponent), 1 + exponent
    slope = -np.diff(np.log(loss)) / np.diff(np.log(n))
    assert slope[n[1:] > 1e4] == pytest.approx(exponent, rel=1e-3)
    amplitude = (np.pi / p / np.sin(np.pi / p)) ** p  # from integrating L over all modes
    assert loss[-1] == pytest.approx(amplitude * n[-1] ** -exponent, rel=1e-6)


def test_infinite_tail_agrees_with_ten_million_modes():
    for kappa in (1e-2, 1e-5, 1e-9):
        finite = kernel_regression._mode_sums(kappa, 3.0, 10**7)
        assert kernel_regression._mode_sums(kappa, 3.0, None) == pytest.approx(
            finite, rel=1e-5 * (1e-9 / kappa) + 1e-9
        )


def test_white_spectrum_has_its_closed_form():
    n, modes, noise = np.array([10, 50, 99, 101, 300]), 100, 0.3
    loss = kernel_regression.kernel_learning_curve(n, -1.0, noise=noise, modes=modes)
    bias = modes * np.maximum(1 - n / modes, 0)  # the teacher's power outside the span of n examples
    variance = np.where(n < modes, 1 / (1 - n / modes), 1 / (1 - modes / n))
    assert loss == pytest.approx(bias + noise * variance, rel=1e-9)


def test_sampling_agrees_and_approaches_the_theory_as_it_grows():
    n, modes = np.array([8, 32, 128]), 512
    for exponent in (0.5, 1.0):
        measured = kernel_regression.sampled_kernel_curve(n, exponent, modes=modes, n_seeds=40)
        theory = kernel_regression.kernel_learning_curve(n, exponent, modes=modes)
        gap = np.abs(measured.mean(axis=0) / theory - 1)
        assert gap[0] < 0.1 and gap[1] < 0.03 and gap[2] < 0.01


def test_sampled_curve_and_noisy_ridge_theory_agree_with_brute_force():
    n, modes, noise, ridge, rng = 60, 200, 0.1, 0.05, np.random.default_rng(0)
    spectrum = np.arange(1.0, modes + 1) ** -1.5
    errors = []
    for _ in range(400):
        train, test = (rng.standard_normal((m, modes)) * np.sqrt(spectrum) for m in (n, 200))
        teacher = rng.standard_normal(modes)
        labels = train @ teacher + np.sqrt(noise) * rng.standard_normal(n)
        weights = train.T @ np.linalg.solve(train @ train.T + ridge * np.eye(n), labels)
        errors.append(np.mean((test @ (teacher - weights)) ** 2) + noise)
    theory = kernel_regression.kernel_learning_curve(n, 0.5, noise=noise, ridge=ridge, modes=modes)
    assert np.mean(errors) == pytest.approx(float(theory), abs=4 * np.std(errors) / 20)


def test_kernel_curves_refuse_nonsense():
    with pytest.raises(ValueError, match="exponent is 0"):
        kernel_regression.kernel_learning_curve(10, 0)
    with pytest.raises(ValueError, match="n holds -1"):
        kernel_regression.kernel_learning_curve([-1], 1)
    with pytest.raises(ValueError, match="modes = 5"):
        kernel_regression.sampled_kernel_curve([3, 6], 1, modes=5, n_seeds=1)


def test_kernel_ridge_chooses_the_penalty_as_leaving_every_row_out_would():
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((30, 4)), rng.standard_normal((7, 4))
    y = np.stack([np.sin(x[:, 0]) + 0.3 * rng.standard_normal(30), x[:, 1] + 1], axis=1)
    kernel, across = np.exp(x @ x.T / 4), np.exp(z @ x.T / 4)
    mean, scale = y.mean(axis=0), np.linalg.eigvalsh(kernel).mean()
    penalties = 10.0 ** np.arange(-4, 2)

    def error(penalty):
        """By retraining without each row."""
        out = []
        for i in range(30):
            own = np.arange(30) != i
            dual = np.linalg.solve(kernel[np.ix_(own, own)] + penalty * np.eye(29), (y - mean)[own])
            out.append(kernel[i, own] @ dual + mean - y[i])
        return np.mean(np.square(out))

    best = min(scale * penalties, key=error)
    assert scale * penalties[0] < best < scale * penalties[-1]
    wanted = KernelRidge(alpha=best, kernel="precomputed").fit(kernel, y - mean).predict(across) + mean
    found = kernel_regression.kernel_ridge(kernel, y, across, penalties=penalties)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_kernel_ridge_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"kernel \(3, 3\), targets \(2, 1\)"):
        kernel_regression.kernel_ridge(np.eye(3), np.ones((2, 1)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="penalties"):
        kernel_regression.kernel_ridge(np.eye(3), np.ones((3, 1)), np.ones((1, 3)), penalties=[0.0])
    with pytest.raises(ValueError, match="targets"):
        kernel_regression.kernel_ridge(np.eye(3), np.full((3, 1), np.nan), np.ones((1, 3)))
