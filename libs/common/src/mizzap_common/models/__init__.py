"""Embedding models: bundles on disk, which one to use, and running one on ONNX Runtime."""
