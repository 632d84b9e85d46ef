"""The schema of recipes: a training as data, read from one TOML file."""
