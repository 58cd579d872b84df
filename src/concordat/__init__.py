"""Concordat: the open workbench of a digital-economy secretariat.

A group of countries uses it to know where its members stand, to decide together, to share, and to settle.
Its main job is one command, `concordat assess BRICS`; start reading at `concordat.cli.assess`.
"""

__version__ = "0.1.0"
