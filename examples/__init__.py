"""What a product and another dashboard do to take this in: each runs with one command."""
