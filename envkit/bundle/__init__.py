"""Bundles: everything that a lock needs in one verified file, for machines without a network."""
