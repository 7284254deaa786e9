"""Starts what Vitaldays needs on one machine: embedded servers, processes, local secrets.

Standard library only, so that it can run before anything is installed.
"""
