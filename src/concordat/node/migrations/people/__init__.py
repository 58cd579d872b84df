"""Steps of the store `people`: see `concordat.node.migrations`."""
