"""Tingfeng 听风: brand mentions in, Chinese text understood, crisis alerts out."""

__version__ = "0.1.0"
