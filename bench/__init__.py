"""Side-by-side measurements; `make bench` prints them. Nothing here is part of the product."""
