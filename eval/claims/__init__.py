"""What a team claims, compared with what was measured: verdicts, and the known causes of a difference."""
