"""What was found before kgate came: a baseline knows it, and only what is new fails."""
