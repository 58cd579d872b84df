"""Steps of the store `engine`: see `concordat.node.migrations`."""
