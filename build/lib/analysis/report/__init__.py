"""Findings -> the page: what is said, and how it looks."""
