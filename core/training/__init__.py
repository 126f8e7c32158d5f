# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning: episodes, losses, meta-learning, personalization, evaluation."""
