"""What a team claims, compared with what was measured. Pure functions.

compare      each claim beside the measurement, with a verdict
causes       known causes of a difference
claims_file  claims in a file of their own
tables       verdicts as tables
factsheet    claims proposed from the text of a factsheet
"""
