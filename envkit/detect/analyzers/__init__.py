"""What is wrong on a host, found in its facts and a few of its files: one small function for each situation."""
