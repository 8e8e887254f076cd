"""What services say to each other: events (catalog.py) and requests (requests.py)."""
