# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's environment: made in the extension's own folder, checked, or taken from elsewhere."""
