"""What `python -m eval.verify` does beside verdicts on claims.

requests   the options, and which of them is asked for
measured   records of the chosen submissions, measured if there are none yet
reproduce  runs submissions again
against    compares records
bundling   writes a bundle for a second machine
checking   repeats a bundle
"""
