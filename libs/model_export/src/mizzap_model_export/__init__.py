"""Makes model bundles out of open_clip's models. A command of its own: it needs PyTorch, which no service does."""
