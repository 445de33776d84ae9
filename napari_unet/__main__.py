"""``python -m napari_unet`` is the command line."""

from napari_unet.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
