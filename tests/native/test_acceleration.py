"""Anderson's acceleration against the solution of the linear equations."""

from __future__ import annotations

import numpy as np

from fts.solver.native.acceleration import DEPTH, Acceleration


def test_slow_linear_iterations_end_after_as_many_points_as_unknowns():
    # x := M x + b with eigenvalues up to 0.99: by itself the error falls by a hundredth a step.
    rng = np.random.default_rng(1)
    n = DEPTH - 2
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    M, b = Q @ np.diag(np.linspace(0.5, 0.99, n)) @ Q.T, rng.normal(size=n)
    right = np.linalg.solve(np.eye(n) - M, b)
    acceleration, x = Acceleration(np.ones(n)), np.zeros(n)
    for _ in range(2 * DEPTH):
        x = acceleration.next_point(x, M @ x + b - x)
    assert np.abs(x - right).max() <= 1e-9 * np.abs(right).max()


def test_after_a_restart_the_first_step_is_the_iterations_own():
    acceleration = Acceleration(np.ones(1))
    for x in (0.0, 1.0, 1.5, 1.75):
        acceleration.next_point(np.array([x]), np.array([1 - x / 2]))
    acceleration.restart()
    assert acceleration.next_point(np.array([5.0]), np.array([0.25])) == [5.25]
