"""How a built model is trained."""
