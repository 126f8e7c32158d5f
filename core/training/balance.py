# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of the loss's terms, from the gradients that each sends into the generator's last layer.

Constants from papers hold for one scaling of one perceptual network and for no other, so none is used: each
term gets that share of the reference term's gradient that the configuration asks for, measured ever again.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

REFERENCE = "perceptual"
INERTIA = 0.7  # of a measured norm, from one measurement to the next
TINY = 1e-12
DRIFT = 10.0  # a ratio off by more than this is worth a warning


def gradient_norms(terms: Mapping[str, Tensor], weight: Tensor) -> dict[str, float]:
    """Norm of each term's gradient with respect to ``weight``; the graph stays usable."""
    norms = {}
    for name, term in terms.items():
        (gradient,) = torch.autograd.grad(term, weight, retain_graph=True, allow_unused=True)
        norms[name] = 0.0 if gradient is None else float(gradient.float().norm())
    return norms


class Balance:
    """Turns shares into weights.

    ``shares``: term -> wanted gradient norm, relative to that of the term named REFERENCE, whose weight is 1.
    """

    def __init__(self, shares: Mapping[str, float]) -> None:
        self.shares = {**shares, REFERENCE: 1.0}
        self.norms: dict[str, float] = {}

    def measure(self, norms: Mapping[str, float]) -> list[str]:
        """Take in new norms.  Returns the terms whose share had drifted by an order of magnitude.

        Norms of zero or that are not finite are left out: they say that a term is silent, not how loud.
        """
        before = self.weights()
        known = set(self.norms)
        for name, norm in norms.items():
            if name not in self.shares or not TINY < norm < float("inf"):
                continue
            old = self.norms.get(name)
            # geometric, since norms differ by powers of ten
            self.norms[name] = norm if old is None else old**INERTIA * norm ** (1 - INERTIA)
        reached = {name: before.get(name, 0.0) * norm for name, norm in norms.items() if name in known}
        return drifted(reached, self.shares)

    def weights(self) -> dict[str, float]:
        """Weight of each term measured so far."""
        reference = self.norms.get(REFERENCE)
        if reference is None:
            return {}
        return {name: self.shares[name] * reference / norm for name, norm in self.norms.items()}


def drifted(reached: Mapping[str, float], shares: Mapping[str, float], factor: float = DRIFT) -> list[str]:
    """Terms whose weighted norm, relative to the reference's, is off its share by more than ``factor``."""
    reference = reached.get(REFERENCE, 0.0)
    if reference <= TINY:
        return []
    found = []
    for name, norm in reached.items():
        share = shares.get(name, 0.0)
        if share > 0 and norm > TINY and not 1 / factor <= norm / reference / share <= factor:
            found.append(name)
    return found
