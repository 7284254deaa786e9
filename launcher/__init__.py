"""Start what Vitaldays needs on one machine: embedded servers, processes, local secrets.

`__main__` and what it imports use the standard library only, to run before anything is installed.
"""
