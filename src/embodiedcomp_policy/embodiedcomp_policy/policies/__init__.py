"""Policy backends, one file each, and the wrappers of outside libraries that they share."""
