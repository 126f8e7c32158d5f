# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of metrics for readers, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

MEASURES = {
    "l1": "L1",
    "ssim": "SSIM",
    "msssim": "MS-SSIM",
    "lpips": "LPIPS",
    "pdist": "P-dist",
}
NAMES = {
    "identity": "identity",
    "landmarks": "landmarks %",
    "landmarks_mouth": "landmarks mouth %",
    "landmarks_eyes": "landmarks eyes %",
    "lost": "lost",
    "flicker": "flicker",
    "temporal": "temporal",
}


def label(metric: str) -> str:
    """A metric's name for readers."""
    measure, _, region = metric.partition("_")
    return f"{MEASURES[measure]} {region}" if measure in MEASURES else NAMES[metric]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, numbers to the right."""
    rule = "|".join(["---"] + ["---:"] * (len(head) - 1))
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows), ""]
