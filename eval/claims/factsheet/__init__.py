"""Proposes claims and team details from the text of a factsheet. Every figure comes with its sentence and place.

passages  the text as passages with their places: PDF, TeX, ZIP, text, Markdown
figures   which number is a claim of the team
parse     one factsheet to proposed claims, and the conflicts in it
write     the parts of a factsheet that a record can fill
"""
