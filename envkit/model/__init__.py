"""Frozen values that flow from one stage to the next; pure, with no effect on import or use."""
