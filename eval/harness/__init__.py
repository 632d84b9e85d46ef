"""Evaluates submissions: plans, starts workers, scores, keeps the clock, and writes records. No torch."""
