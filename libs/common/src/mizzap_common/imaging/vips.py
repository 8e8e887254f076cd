"""libvips, set up before it starts: one thread, no decoder that upstream calls unsafe, no cache of past images.

The settings are read when the library is loaded, so every module here takes `pyvips` from this one.
"""

import os

os.environ.setdefault("VIPS_CONCURRENCY", "1")
os.environ.setdefault("VIPS_BLOCK_UNTRUSTED", "1")
os.environ.setdefault("VIPS_WARNING", "0")  # a hostile file could fill the log

import pyvips

pyvips.cache_set_max(0)

__all__ = ["pyvips"]
