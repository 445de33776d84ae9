"""A project in the window: kept, opened, shown. What lies on disk, and how, is known to :mod:`napari_unet.project`."""
