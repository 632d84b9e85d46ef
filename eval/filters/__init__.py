"""What a confined process applies to itself, and the launcher that starts it. Runs beside a team's code."""
