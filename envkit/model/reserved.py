"""Names of indexes, vendors and variants that have a meaning of their own."""

DEFAULT_INDEX = "default"  # the user's main index (PyPI, or the mirror that stands for it)
WHEELHOUSE_INDEX = "wheelhouse"
IMAGE_INDEX = "image"  # no index: the vendor's own image has the package
CPU = "cpu"  # stands for the vendor where no accelerator is used
# A variant without device code of its own, or with that of every runtime: what it requires decides where it computes.
ANY_VARIANT = "any"
