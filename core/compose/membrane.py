# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth fields on a triangle mesh: harmonic and biharmonic interpolation
of values given at some of its vertices."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu


def laplacian(
    points: np.ndarray, triangles: np.ndarray, conductivity: np.ndarray | None = None
) -> tuple[sparse.csc_matrix, np.ndarray]:
    """(cotangent stiffness matrix [V, V], positive semi-definite; area of each vertex [V]).

    points: [V, 2].  triangles: [F, 3].
    conductivity: [F], how readily a value passes through a triangle (1 by default).
    """
    corners = points[triangles]
    rows, columns, values = [], [], []
    edge_a, edge_b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.abs(edge_a[:, 0] * edge_b[:, 1] - edge_a[:, 1] * edge_b[:, 0])
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        u, v = corners[:, j] - corners[:, i], corners[:, k] - corners[:, i]
        cotangent = (u * v).sum(1) / np.maximum(2 * area, 1e-12)
        # slivers along the cuts would give weights that drown all others
        weight = 0.5 * np.clip(cotangent, 0.02, 20.0)
        if conductivity is not None:
            weight = weight * conductivity
        a, b = triangles[:, j], triangles[:, k]
        rows += [a, b, a, b]
        columns += [b, a, a, b]
        values += [-weight, -weight, weight, weight]
    count = len(points)
    matrix = sparse.coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    )
    mass = np.bincount(triangles.ravel(), np.repeat(area / 3, 3), count)
    return matrix.tocsc(), np.maximum(mass, np.median(mass) * 0.05)


def biharmonic(stiffness: sparse.csc_matrix, mass: np.ndarray, tension: float = 0.0) -> sparse.csc_matrix:
    """The bending energy [V, V] of a field, plus ``tension`` times its stretching energy."""
    return (stiffness @ sparse.diags(1.0 / mass) @ stiffness + tension * stiffness).tocsc()


def interpolation(
    energy: sparse.csc_matrix, at: sparse.csr_matrix, weight: np.ndarray, fixed: np.ndarray
) -> np.ndarray:
    """The linear map from handle values to the field of least energy: float32 [V, H].

    at: [H, V] sparse, each row says where on the mesh a handle sits
    (barycentric).  weight: [H], how firmly it holds.
    fixed: bool [V], where the field is zero.
    """
    free = np.flatnonzero(~fixed)
    normal = (energy + at.T @ sparse.diags(weight) @ at).tocsc()[free][:, free]
    right = np.asarray((at.T @ sparse.diags(weight)).tocsc()[free].todense())
    out = np.zeros((energy.shape[0], at.shape[0]), np.float32)
    out[free] = factored(normal).solve(right)
    return out


def smooth_fit(
    energy: sparse.csc_matrix, value: np.ndarray, weight: np.ndarray, fixed: np.ndarray | None = None
) -> np.ndarray:
    """The field [V] or [V, C] of least energy that follows ``value`` with per-vertex
    ``weight`` (0 where nothing is known).

    fixed: bool [V], where the field is exactly ``value``.
    """
    hold = np.zeros(len(value), bool) if fixed is None else fixed
    free = np.flatnonzero(~hold)
    matrix = (energy + sparse.diags(weight)).tocsc()
    values = value.reshape(len(value), -1).astype(np.float64)
    right = weight[:, None] * values
    if hold.any():
        right = right - matrix[:, np.flatnonzero(hold)] @ values[hold]
    out = values.copy()
    out[free] = factored(matrix[free][:, free]).solve(right[free])
    return out.reshape(value.shape)


def factored(matrix: sparse.csc_matrix) -> SuperLU:
    """A symmetric, positive definite matrix, ready to solve: ordered for that kind, without pivoting."""
    return splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
