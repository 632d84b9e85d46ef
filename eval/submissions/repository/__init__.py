"""NTIRE-style repositories, read as text. Nothing of them is run.

discover       finds the submissions
select_model   reads the branches of `select_model`
team_folders   finds teams that have no branch
entry_point    finds the entry point of an Image SR repository
ownership      hides one team's files from another
visible_paths  shows a folder without some of its contents
literals       paths that source text spells out
"""
