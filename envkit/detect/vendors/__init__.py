"""One module per vendor, found by file name; each has `detect(around) -> VendorFacts`."""
