"""Derives recipe rows from a live package index: what is new there, as a diff and as an edit of the recipe."""

from envkit.refresh.places import RecipeFile, recipe_files, write_recipe
from envkit.refresh.reader import Session
from envkit.refresh.refresh import Facts, Refreshed, refresh_recipe

__all__ = ["Facts", "RecipeFile", "Refreshed", "Session", "recipe_files", "refresh_recipe", "write_recipe"]
