"""Protocol `interleaved`: rounds in which every submission is timed in a fresh process, beside the baseline.

campaign     rounds until every rank is settled, or until rounds or time run out
rounds       one round: every entry once, between two runs of the baseline
entry_timer  times one submission in one fresh process
"""
