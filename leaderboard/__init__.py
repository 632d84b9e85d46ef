"""Ranking, tables and pages made from records. No torch.

challenges       the rules of each challenge, as TOML files
rules            the kinds of ranking, and thresholds
ranking          from records to one ranked table
row              one row of it
entry            what is read of a record
score_formulas   the challenges' scores as formulas
confidence       how firm a rank is: ties, rounds with their rank sets, other rules
conditions       which records may share a column
checks           doubtful figures
tables           CSV, Markdown, LaTeX, JSON, terminal
site             the static site
build            `python -m leaderboard build`
audit            `python -m leaderboard audit`
diff             `python -m leaderboard diff`
serve            `python -m leaderboard serve`
importing        official result files become records
official_values  single figures of such files
summary          what the main command prints after a batch
"""
