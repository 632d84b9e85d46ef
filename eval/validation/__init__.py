"""The judge at home: checks of a submission before it is handed in, each with what to change.

receipt   what was checked: hashes, figures and versions, for the organiser
"""
