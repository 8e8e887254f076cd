"""Renditions of photos."""
