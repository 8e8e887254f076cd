"""Scores, moments and curated sets."""
