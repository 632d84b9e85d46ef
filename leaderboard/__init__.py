"""Ranking, tables and pages made from records."""
