"""A ranking in the formats that people read and publish. Formatting only; no rule is decided here.

columns   which columns are printed, under which headings
numbers   how a number is printed
marks     which cells are best
csv_json  CSV and JSON
markdown  Markdown
latex     LaTeX
terminal  a terminal of any width; imported by itself, since it needs rich
"""

from leaderboard.tables.csv_json import table_json, write_csv
from leaderboard.tables.latex import to_latex
from leaderboard.tables.markdown import to_markdown
from leaderboard.tables.numbers import format_number

__all__ = ["format_number", "table_json", "to_latex", "to_markdown", "write_csv"]
