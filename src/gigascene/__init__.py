"""Satellite archives to finished pictures."""
