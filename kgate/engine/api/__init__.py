"""The API's objects as frozen structs, and the arithmetic on their fields."""
