"""A name, a file or a folder -> train, validation, and a test split that stays shut."""
