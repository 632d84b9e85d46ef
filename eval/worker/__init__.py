"""What runs beside a team's code, inside the sandbox. The only package that imports torch."""
