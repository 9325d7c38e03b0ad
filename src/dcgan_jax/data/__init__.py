"""The prepared store of images, and the minibatches that are read from it."""
