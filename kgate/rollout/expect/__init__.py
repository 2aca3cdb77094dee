"""What a scenario expects of its own playing: read before anything is played, judged over the whole trace."""
