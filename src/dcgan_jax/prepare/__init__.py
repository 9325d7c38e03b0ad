"""From a source of images to a store: decoded once, in a process of its own."""
