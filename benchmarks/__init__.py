"""What is measured, and how; nothing of the program imports it. See `docs/results.md`."""
