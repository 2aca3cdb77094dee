"""What somebody has looked at and answers for: it is told and does not count. Comments, annotations and settings say so."""
