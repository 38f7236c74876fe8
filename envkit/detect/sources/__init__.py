"""What files, libraries and tools of a vendor say, each read by one module."""
