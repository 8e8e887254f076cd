"""What every MIZZAP service shares."""
