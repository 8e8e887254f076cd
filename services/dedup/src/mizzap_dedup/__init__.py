"""Duplicates: hashes, vectors, pairs and decisions."""
