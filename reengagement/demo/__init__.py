"""A product to try this package on: its tables, its people, their phones."""
