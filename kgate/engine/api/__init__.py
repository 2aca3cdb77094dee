"""The API's objects as frozen dataclasses, and the arithmetic on their fields."""
