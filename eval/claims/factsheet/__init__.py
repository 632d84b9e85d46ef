"""Proposes claims and team details from the text of a factsheet; every figure comes with its sentence and place."""
