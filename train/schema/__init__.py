"""The schema of recipes: a training as data, read from one TOML file.

recipe    a whole recipe
stage     one stage of it
fields    the parts of a stage
scaling   a recipe in small
messages  what is wrong with a recipe, in one line
"""
