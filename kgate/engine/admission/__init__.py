"""What the API server does to an object on its way in: defaults, and what its plugins add or refuse."""
