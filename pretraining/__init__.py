"""Make synthetic training images and pre-train the feature network on them. Not in the wheel; reads no real image."""
