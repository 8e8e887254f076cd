"""Photos, uploads, jobs and their truth."""
