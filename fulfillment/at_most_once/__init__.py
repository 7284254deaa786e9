"""The engine behind orders, replacements and supplies: each is created at the vendor at most once."""
