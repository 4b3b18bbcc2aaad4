"""A product's site."""
